"""Rankings against sorting by hand, fusions by hand, and both stages against one loop per query."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from cada.datasets.images import normalise
from cada.retrieval import search as searching
from cada.retrieval.encoding import Engine
from cada.retrieval.metrics import score_queries
from cada.retrieval.ranking import calibrated_scores, published_scores, rank, reorder, rerank
from cada.retrieval.search import Search, Target, ranked
from cada.runtime import compute
from tests.messages import refused
from tests.retrieval.tiny import CPU, tiny_captions, tiny_images, tiny_model

ENGINE = Engine(top_k=5, batch_size=4)
GALLERY, ASKED = np.arange(17) % 4, np.arange(11) % 4


def both_stages(images: torch.Tensor, batch_size: int = 4):
    return Search.of(tiny_model(), Target(images, GALLERY, tiny_captions(), ASKED), replace(ENGINE, batch_size=batch_size)).found()


@pytest.mark.parametrize("fusion", ["cosine", "published", "calibrated"])
def test_equal_to_one_loop_per_query(fusion):
    model, captions, images = tiny_model(), tiny_captions(), tiny_images()
    found = both_stages(images).ranking(fusion, 2.0)
    with torch.no_grad():
        tokens, features = model.encode_images(normalise(images))
        for row in range(len(captions)):
            ids = torch.tensor(captions.ids[row, : captions.lengths[row]][None].astype(np.int64))
            mask = torch.ones_like(ids)
            text = model.encode_text(ids, mask)[0]
            cosine = [float(torch.cosine_similarity(text, feature, dim=0)) for feature in features]
            order = sorted(range(len(images)), key=lambda j: (-cosine[j], j))
            if fusion != "cosine":
                score = {}
                for j in order[:5]:
                    no, yes = model.match_head(model.match_hidden(ids, mask, tokens[j : j + 1])[0, 0]).tolist()
                    log_match = yes - math.log(math.exp(no) + math.exp(yes))
                    score[j] = yes + cosine[j] if fusion == "published" else log_match + 2.0 * cosine[j]
                order[:5] = sorted(score, key=lambda j: (-score[j], j))
            assert found[row].tolist() == order


def test_rank_is_a_stable_sort():
    values = np.float32([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 100.5, -100.5, np.inf, -np.inf, 3e38, 0.1, 0.1])
    scores = np.random.default_rng(0).choice(values, (600, 40))
    for row, ranking in zip(scores.tolist(), rank(scores).tolist(), strict=True):
        assert ranking == sorted(range(40), key=lambda j: (-row[j], j))


def test_ties_fall_to_the_earlier_image():
    assert rank(np.float32([[1, 2, 2, 1]])).tolist() == [[1, 2, 0, 3]]
    assert reorder(np.array([[3, 1, 2, 0]]), np.array([[5.0, 5.0, 7.0]])).tolist() == [[2, 1, 3, 0]]
    draw = np.random.default_rng(0)
    first, scores = draw.permuted(np.tile(np.arange(200), (5, 1)), axis=1), draw.integers(0, 3, (5, 150)).astype(np.float64)
    for images, row, found in zip(first.tolist(), scores.tolist(), reorder(first, scores).tolist(), strict=True):
        score = dict(zip(images, row, strict=False))  # of the first 150
        assert found == sorted(score, key=lambda image: (-score[image], image)) + images[150:]


def test_a_gpu_ranks_as_a_cpu_and_ties_fall_to_the_earlier_image(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    queries, features = torch.randn(7, 4, generator=draw), torch.randn(9, 4, generator=draw)
    features[5], features[8] = features[1], features[1]
    queries[3] = 0  # all images are ties
    cosine, expected = ranked(queries, features, CPU)
    monkeypatch.setattr(compute, "few_calls", lambda device: True)
    monkeypatch.setattr(searching, "SORTED", 3)
    found = ranked(queries, features, CPU)
    assert np.allclose(found[0], cosine, atol=1e-6) and found[1].dtype == expected.dtype
    assert np.array_equal(found[1], expected) and found[1][3].tolist() == list(range(9))


def test_the_tail_keeps_its_order():
    # cosines that differ by less than float32 can tell apart beside a fill of -100
    cosine = (np.arange(50, dtype=np.float32)[None] * np.float32(1e-7)) + np.float32(0.5)
    first, logits = rank(cosine), np.zeros((1, 4, 2), dtype=np.float32)
    assert reorder(first, calibrated_scores(cosine[:, -4:], logits, weight=0.0))[0, 4:].tolist() == list(range(45, -1, -1))
    published = rank(published_scores(cosine, first[:, :4], logits))
    assert set(published[0, :4].tolist()) == {46, 47, 48, 49}
    assert published[0, 4:].tolist() == [*range(39, 46), *range(39)]  # two values are left, and ties in each


def test_permuting_the_gallery_permutes_the_ranking():
    order = torch.randperm(17, generator=torch.Generator().manual_seed(3))
    before = both_stages(tiny_images(), 64).ranking("calibrated", 1.0)
    after = both_stages(tiny_images()[order], 64).ranking("calibrated", 1.0)
    assert np.array_equal(before, order.numpy()[after])


def test_fusions_by_hand():
    logits, cosine = np.float32([[[0.0, 2.0], [3.0, -4.0]]]), np.float32([[0.5, 0.25, 0.75]])
    published = published_scores(cosine, np.array([[2, 0]]), logits)
    assert published.dtype == np.float32
    assert published.tolist() == [[-3.5, -99.75, 2.75]]
    calibrated = calibrated_scores(cosine[:, [2, 0]], logits, weight=10.0)
    assert calibrated[0].tolist() == pytest.approx([2 - math.log(1 + math.exp(2)) + 7.5, -4 - math.log(math.exp(3) + math.exp(-4)) + 5])


@pytest.mark.parametrize("k", [3, 10])
def test_a_part_of_the_gallery_is_searched_like_a_gallery_of_its_own(k):
    model, captions, images, engine = tiny_model(), tiny_captions(), tiny_images(), replace(ENGINE, top_k=k)
    shown, asked = np.flatnonzero(np.isin(GALLERY, [1, 3])), np.flatnonzero(np.isin(ASKED, [1, 3]))
    found = Search.of(model, Target(images, GALLERY, captions, ASKED), engine).part([3, 1]).found()
    expected = Search.of(model, Target(images[torch.from_numpy(shown)], GALLERY[shown], captions.take(asked), ASKED[asked]), engine).found()
    assert np.array_equal(found.first_stage, expected.first_stage)
    assert found.logits.shape == (len(asked), min(k, len(shown)), 2)
    assert np.abs(found.logits - expected.logits).max() < 1e-5
    assert found.scores("calibrated", 1.0) == pytest.approx(expected.scores("calibrated", 1.0))


def test_other_captions_and_other_images_are_as_if_searched_anew():
    model, captions, images = tiny_model(), tiny_captions(), tiny_images()
    search = Search.of(model, Target(images, GALLERY, captions, ASKED), ENGINE)
    few = np.array([4, 0, 7])
    for changed, target in [
        (search.with_captions(captions.take(few), ASKED[few]), Target(images, GALLERY, captions.take(few), ASKED[few])),
        (search.with_images(images.flip(3)), Target(images.flip(3), GALLERY, captions, ASKED)),
    ]:
        found, expected = changed.found(), Search.of(model, target, ENGINE).found()
        assert all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in ("first_stage", "logits", "query_persons"))


def test_the_weight_is_chosen_by_average_precision():
    found = both_stages(tiny_images(), 64)
    weights = (0.0, 0.5, 5.0, 500.0)
    scores = [score_queries(found.ranking("calibrated", weight), ASKED, GALLERY).average_precision.mean() for weight in weights]
    assert found.choose_weight(weights) == weights[int(np.argmax(scores))]
    assert len(set(scores)) > 1


# --- the public function ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fusion", ["cosine", "published", "calibrated"])
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_rerank_is_what_evaluation_does(fusion, kind):
    """With the recorded logits as the matcher, numpy or torch."""
    found = both_stages(tiny_images())
    asked = []

    def match(candidates):
        asked.append(candidates)
        return kind(found.logits)

    ranking = rerank(kind(found.cosine), match, top_k=5, fusion=fusion, weight=2.0)
    assert np.array_equal(ranking, found.ranking(fusion, 2.0))
    assert len(asked) == (fusion != "cosine")
    assert all(np.array_equal(candidates, found.first_stage[:, :5]) for candidates in asked)


def test_scores_are_taken_in_float32_whatever_their_type():
    scores = np.array([[0.5, 0.5 + 1e-12, 0.7]])
    for fusion in ("cosine", "calibrated"):
        assert rerank(scores, lambda candidates: np.zeros(candidates.shape), top_k=1, fusion=fusion, weight=1.0).tolist() == [[2, 0, 1]]


def test_one_logit_a_pair_stands_beside_zero():
    draw = np.random.default_rng(5)
    scores, logits = draw.normal(size=(3, 9)), draw.normal(size=(3, 4)) * 3
    both = np.stack([np.zeros_like(logits), logits], axis=2)
    for fusion in ("published", "calibrated"):
        one, two = (rerank(scores, lambda _, found=found: found, top_k=4, fusion=fusion, weight=1.0) for found in (logits, both))
        assert np.array_equal(one, two)
    # by hand: log sigmoid(logit) + score within the first four, then the rest by score
    for row in range(3):
        order = sorted(range(9), key=lambda image: -scores[row, image])
        match = dict(zip(order[:4], logits[row], strict=True))
        order[:4] = sorted(match, key=lambda image: -(scores[row, image] - math.log1p(math.exp(-match[image]))))
        assert one[row].tolist() == order


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"fusion": "sum"}, ("fusion", "'sum'", "calibrated")),
        ({"weight": None}, ("weight: ",)),
        ({"top_k": 0}, ("top_k", 0)),
        ({"match": lambda candidates: np.zeros((2, 3))}, ("match: ", "(2, 3)", "(2, 2)")),
        ({"scores": np.zeros(4)}, ("scores: ", "(4,)")),
        ({"scores": np.array([[0.0, 1.0], [np.nan, 1.0]])}, ("scores: ", "query 1", "numbers")),
    ],
)
def test_arguments_that_do_not_fit_are_named(change, facts):
    given = {"scores": np.eye(2), "match": lambda candidates: np.zeros((2, 2)), "top_k": 2, "fusion": "calibrated", "weight": 1.0} | change
    with refused(*facts, by=ValueError):
        rerank(given.pop("scores"), given.pop("match"), **given)
