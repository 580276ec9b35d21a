"""What is found: the order of evaluation, weighted parts, filters, batches, phrases, confidence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import cada
from cada.gallery import Index, Part, Query, Release
from cada.gallery.query import combined_features, combined_matches
from cada.retrieval.calibration import Logistic
from cada.retrieval.openset import ValSearches
from tests.gallery.conftest import START

SENTENCE = "A woman with long hair in a red jacket."


def test_the_order_is_that_of_the_library(index: Index, photos: Path) -> None:
    """The same model ranks the same images by `cada.rerank`, whose functions evaluation uses."""
    model, paths = cada.load(START), sorted(photos.glob("*.jpg"))
    engine = cada.Engine(top_k=8)
    gallery = cada.encode_gallery(model, cada.read_images(paths, model.architecture.image_size), engine)
    for sentence in (SENTENCE, "a man with a backpack"):
        captions = model.tokenizer([sentence])
        scores = cada.encode_queries(model, captions, engine) @ gallery.features.T
        match = cada.Matcher(model, gallery, captions, engine)
        ranking = cada.rerank(scores, match, top_k=8, fusion="published")
        hits = index.search(sentence, k=24, rerank=8)
        assert [hit.path for hit in hits] == [str(paths[place]) for place in ranking[0]]
        assert [hit.cosine for hit in hits] == pytest.approx([float(scores[0, place]) for place in ranking[0]], abs=5e-4)
        assert [hit.match is not None for hit in hits] == [True] * 8 + [False] * 16


def test_without_re_ranking_the_cosine_decides(index: Index) -> None:
    hits = index.search(SENTENCE, k=24, rerank=0)
    cosines = [hit.cosine for hit in hits]
    assert cosines == sorted(cosines, reverse=True)
    assert all(hit.match is None and hit.score == hit.cosine for hit in hits)


def test_an_image_finds_itself_first(index: Index, photos: Path) -> None:
    for path in sorted(photos.glob("*.jpg"))[:3]:
        assert index.search(path, k=1)[0].path == str(path)


def test_many_queries_are_answered_as_one_by_one(index: Index, photos: Path) -> None:
    image = sorted(photos.glob("*.jpg"))[0]
    queries = [SENTENCE, image, Query.of("a man", minus=["a hat"]), Query.of("a man", plus=[image])]
    together, apart = index.search_many(queries, k=5), [index.search(query, k=5) for query in queries]
    for one, other in zip(together, apart, strict=True):
        assert [hit.path for hit in one] == [hit.path for hit in other]
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-4)
    assert index.search_many([]) == []


def test_what_is_excluded_moves_back(index: Index) -> None:
    """The hit that matches an excluded part best falls, and rises when it is asked for."""
    bags = {hit.path: hit.match for hit in index.search("a woman with a backpack", k=24, rerank=24)}
    most = max(bags, key=lambda path: bags[path] or 0)
    places = [
        [hit.path for hit in hits].index(most)
        for hits in (
            index.search("a woman", plus=["a backpack"], k=24, rerank=24),
            index.search("a woman", minus=["a backpack"], k=24, rerank=24),
        )
    ]
    assert places[0] < places[1]


def test_a_weight_of_a_part_scales_what_it_adds() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
    probability = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    wanted = 1.0 * np.log(probability[0]) + 2.0 * np.log(probability[1]) + 0.5 * np.log(1 - probability[2])
    assert combined_matches(logits, [1.0, 2.0, -0.5], fusion="calibrated") == pytest.approx(wanted, abs=1e-5)
    assert combined_matches(logits, [1.0, 2.0, -0.5], fusion="published") == pytest.approx(
        logits[0, :, 1] + 2 * logits[1, :, 1] - 0.5 * logits[2, :, 1], abs=1e-5
    )


def test_a_single_part_keeps_its_feature_to_the_bit() -> None:
    feature = np.random.default_rng(0).normal(size=(1, 7)).astype(np.float32)
    assert combined_features(feature, [3.0]) is not None
    assert (combined_features(feature, [3.0]) == feature[0]).all()
    two = combined_features(np.eye(2, dtype=np.float32), [3.0, -4.0])
    assert two == pytest.approx([0.6, -0.8])


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ({"query": "   "}, "text"),
        ({"query": "a man", "plus": ["x"] * 16}, "16"),
        ({"query": "a man", "k": 0}, "k: 0"),
        ({"query": "a man", "rerank": -1}, "rerank"),
    ],
)
def test_wrong_arguments_are_named(index: Index, query: dict[str, object], fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        index.search(**query)  # type: ignore[arg-type]


def test_a_query_must_ask_for_something() -> None:
    with pytest.raises(ValueError, match="exclude"):
        Query((Part("a hat", weight=-1.0),))
    with pytest.raises(ValueError, match="text or an image"):
        Part()
    with pytest.raises(ValueError, match="nan"):
        Part("a hat", weight=float("nan"))


def test_paths_and_times_narrow_the_search(index: Index, photos: Path) -> None:
    names = sorted(path.name for path in photos.glob("*.jpg"))
    some = index.search(SENTENCE, k=100, path=f"*{names[0][:5]}_*")
    assert sorted(Path(hit.path).name for hit in some) == [name for name in names if name.startswith(names[0][:5])]
    times = sorted(hit.time for hit in index.search(SENTENCE, k=100))
    assert len(index.search(SENTENCE, k=100, since=times[5])) == 19
    assert len(index.search(SENTENCE, k=100, until=times[5])) == 5
    assert index.search(SENTENCE, since=times[-1] + 1) == []


def test_each_phrase_of_the_query_is_scored_alone(index: Index) -> None:
    (hit, *_) = index.search(SENTENCE, k=3, phrases=True)
    alone = {text: index.search(text, k=24, rerank=24) for text in ("long hair", "red jacket")}
    assert list(hit.phrases) == list(alone)
    for text, hits in alone.items():
        assert hit.phrases[text] == pytest.approx(next(other.match for other in hits if other.path == hit.path), abs=1e-4)


def with_thresholds(index: Index, nonmated: list[float], *, gallery: int = 24, fusion: str = "published", even: float = 0.0) -> Index:
    index.release = dataclasses.replace(
        Release.read(START), fusion=fusion, open_set=ValSearches(gallery, 1.0, np.array(nonmated), Logistic(1.0, -even))
    )
    return index


def test_confidence_is_how_often_the_absent_score_as_high_and_whether_a_hit_is_rather_right(index: Index) -> None:
    scores = [hit.score for hit in index.search(SENTENCE, k=24, rerank=24)]
    low, high = (scores[12] + scores[13]) / 2, (scores[3] + scores[4]) / 2
    nonmated = [low] * 990 + [high] * 10  # 1 % of 1,000 reach high
    hits = with_thresholds(index, nonmated, even=low).search(SENTENCE, k=24, rerank=24)
    assert [hit.confidence for hit in hits] == ["confident"] * 4 + ["possible"] * 9 + ["unlikely"] * 11
    hits = with_thresholds(index, nonmated, even=high + 1e-3).search(SENTENCE, k=24, rerank=24)
    assert {hit.confidence for hit in hits[4:]} == {"unlikely"}, "whose score says that it is rather wrong, however rare it is"


def test_confidence_is_not_known_for_other_searches_and_far_larger_galleries(index: Index, photos: Path) -> None:
    nonmated = list(np.linspace(-5, 5, 1000))
    known = with_thresholds(index, nonmated)
    assert known.search(SENTENCE)[0].confidence is not None
    assert known.search(SENTENCE, rerank=0)[0].confidence is None
    assert known.search(SENTENCE, plus=["a hat"])[0].confidence is None
    assert known.search(sorted(photos.glob("*.jpg"))[0])[0].confidence is None
    assert with_thresholds(index, nonmated, gallery=2).search(SENTENCE)[0].confidence is None
    silent = ValSearches(24, 1.0, np.array(nonmated), Logistic(0.0, 1.0))
    index.release = dataclasses.replace(index.release, open_set=silent)
    assert index.search(SENTENCE)[0].confidence is None


def test_a_model_without_a_match_head_is_searched_by_the_cosine(index: Index) -> None:
    known = with_thresholds(index, list(np.linspace(0, 1, 1000)), fusion="cosine")
    hits = known.search(SENTENCE, k=5)
    assert all(hit.match is None for hit in hits)
    assert hits[0].confidence is not None


def test_a_release_is_read_as_it_was_written(tmp_path: Path) -> None:
    val = ValSearches(799, 0.5, np.array([0.1, 0.2], np.float32), Logistic(2.0, -1.0))
    release = Release(tmp_path, "calibrated", 10.0, 16, val, {"variant": "dual", "seed": 2})
    release.write()
    read = Release.read(tmp_path)
    assert read.open_set is not None
    assert read.open_set.nonmated.tolist() == val.nonmated.tolist()
    assert dataclasses.replace(read, open_set=None) == dataclasses.replace(release, open_set=None)
    assert read.open_set.as_json() == val.as_json()
    assert Release.read(START) == Release(START)


def test_rows_and_bytes_are_searched_by_as_files_are(index: Index) -> None:
    (entry,) = index.images_of(5)
    by_file = index.search(Path(entry.path), k=24)
    by_bytes = index.search(Query((Part(image=Path(entry.path).read_bytes()),)), k=24)
    by_row = index.search(Query((Part(row=5),)), k=24)
    assert by_row[0].row == 5
    assert [hit.row for hit in by_bytes] == [hit.row for hit in by_file]
    assert [hit.cosine for hit in sorted(by_row, key=lambda hit: hit.row)] == pytest.approx(
        [hit.cosine for hit in sorted(by_file, key=lambda hit: hit.row)], abs=1e-3
    )
    for part, fact in ((Part(row=99), "99"), (Part(image=b"no image"), "image")):
        with pytest.raises(ValueError, match=fact):
            index.search(Query((part,)))


def test_the_root_is_the_folder_of_all_images(index: Index, photos: Path) -> None:
    assert index.root() == photos
    for path in list(photos.iterdir())[1:]:
        path.unlink()
    index.add(photos)
    assert len(index) == 1 and index.root() == photos
