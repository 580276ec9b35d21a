"""Searches for persons who are not there: against plain loops, and against galleries that really lack them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cada.retrieval.calibration import Logistic
from cada.retrieval.encoding import Engine
from cada.retrieval.openset import RATES, RESOLVED, FirstHits, ValSearches, moved_up, open_set_metrics, threshold
from cada.retrieval.ranking import FUSIONS, pair_scores, rank
from cada.retrieval.search import Found, Search, Target
from tests.retrieval.tiny import tiny_captions, tiny_images, tiny_model

WEIGHT = 0.7
SCORES = st.lists(st.integers(-30, 30).map(lambda number: number / 8), min_size=1, max_size=80).map(lambda own: np.array(own, np.float32))


@st.composite
def galleries(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rankings (Q, G), and the persons of queries and images; there are at least two persons, some with many images."""
    persons = np.array([*draw(st.lists(st.integers(0, 3), min_size=1, max_size=11)), 8])
    queries = np.array(draw(st.lists(st.sampled_from(sorted(set(persons.tolist()))), min_size=1, max_size=6)))
    return np.stack([np.array(draw(st.permutations(range(len(persons))))) for _ in queries]), queries, persons


@given(galleries(), st.integers(1, 14))
def test_those_that_move_up_are_the_next_ones_of_others(gallery: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    rankings, queries, persons = gallery
    found = moved_up(rankings, k, queries, persons)
    assert found.shape[1] <= k
    for ranking, person, row in zip(rankings.tolist(), queries, found.tolist(), strict=True):
        others = [image for image in ranking if persons[image] != person]
        assert sorted(image for image in row if image >= 0) == sorted(set(others[:k]) - set(ranking[:k]))


def searched(seed: int, *, k: int = 6, ties: bool = False) -> tuple[Found, np.ndarray]:
    """Random cosines of 25 queries and 40 images of 8 persons, two of whom have many, and match logits of all pairs (Q, G, 2)."""
    random = np.random.default_rng(seed)
    persons = np.concatenate([np.arange(8), random.choice(8, 32, p=[0.3, 0.3, *[0.4 / 6] * 6])])
    queries = random.integers(0, 8, 25)
    cosine, logits = random.normal(size=(25, 40)), random.normal(size=(25, 40, 2)) * 3
    cosine += 0.8 * (persons == queries[:, None])  # own images come first often, sometimes more than k of them
    cosine, logits = (np.round(values, 0 if ties else 9).astype(np.float32) for values in (cosine, logits))
    first_stage = rank(cosine)
    return Found(first_stage, cosine, np.take_along_axis(logits, first_stage[:, :k, None], axis=1), queries, persons), logits


def hits_of(found: Found, logits: np.ndarray, fusion: str) -> FirstHits:
    """As `Search.first_hits`, with a table of match logits instead of a model."""
    k = 1 if fusion == "cosine" else found.candidates.shape[1]
    behind = moved_up(found.first_stage, k, found.query_persons, found.gallery_persons)
    images = np.concatenate([found.first_stage[:, :k], behind], axis=1)
    scores = np.take_along_axis(found.cosine, images, axis=1)
    if fusion != "cosine":
        scores = pair_scores(scores, np.take_along_axis(logits, images[..., None], axis=1), fusion=fusion, weight=WEIGHT)
    return FirstHits.of(images, scores, k=k, query_persons=found.query_persons, gallery_persons=found.gallery_persons)


def plain_score(found: Found, logits: np.ndarray, query: int, image: int, fusion: str) -> float:
    cosine, (no, yes) = float(found.cosine[query, image]), map(float, logits[query, image])
    match = {"cosine": 0.0, "published": yes, "calibrated": yes - math.log(math.exp(no) + math.exp(yes))}[fusion]
    return match + cosine * (WEIGHT if fusion == "calibrated" else 1)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 6, 40])
def test_first_hits_by_plain_loops(fusion: str, ties: bool, k: int) -> None:
    found, logits = searched(3, k=k, ties=ties)
    hits = hits_of(found, logits, fusion)
    for query, person in enumerate(found.query_persons):
        ranking = sorted(range(40), key=lambda image: (-found.cosine[query, image], image))
        expected = []
        for gallery in (ranking, [image for image in ranking if found.gallery_persons[image] != person]):
            scores = {image: plain_score(found, logits, query, image, fusion) for image in (gallery[:k] if fusion != "cosine" else gallery)}
            first = min(scores, key=lambda image: (-round(scores[image], 5), image))
            expected.append((scores[first], found.gallery_persons[first] == person))
        assert (hits.mated[query], hits.right[query]) == (pytest.approx(expected[0][0], abs=1e-5), expected[0][1])
        assert hits.nonmated[query] == pytest.approx(expected[1][0], abs=1e-5)
    images = [sum(found.gallery_persons != person) for person in set(found.query_persons.tolist())]
    assert hits.gallery == round(np.mean(images))
    assert 100 * hits.right.mean() == pytest.approx(found.scores(fusion, WEIGHT)["R1"])


def test_a_gallery_of_one_person_is_refused() -> None:
    with pytest.raises(ValueError, match=r"query 0: .* 7"):
        FirstHits.of(np.array([[0, 1]]), np.zeros((1, 2)), k=2, query_persons=np.array([7]), gallery_persons=np.array([7, 7]))


PERSONS = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 5, 5])  # of tiny_images


@pytest.mark.parametrize(("fusion", "top_k"), [("cosine", None), ("calibrated", 3), ("published", 4), ("calibrated", 17)])
@pytest.mark.parametrize("part", [False, True])
def test_a_model_finds_what_it_finds_in_a_gallery_without_the_person(fusion: str, top_k: int | None, part: bool) -> None:
    """Each query alone, in images that really lack its person, and in the half of these that is next to it."""
    target = Target(tiny_images(17), PERSONS, tiny_captions(11), np.arange(11) % 6)
    search = Search.of(tiny_model(), target, Engine(top_k=top_k, batch_size=5))
    if part:
        search = search.part([0, 2, 3, 5])
    found = search.found()
    hits = search.first_hits(found, fusion, WEIGHT)
    assert np.array_equal(found.logits is None, top_k is None)
    persons = np.unique(search.gallery_persons)
    for query, person in enumerate(search.query_persons):
        alone = replace(
            search, captions=search.captions.take(np.array([query])), queries=search.queries[[query]], query_persons=np.array([person])
        )
        others = np.flatnonzero(search.gallery_persons != person)
        shown = others if search.shown is None else search.shown[others]
        smaller = replace(alone, shown=shown, gallery_persons=search.gallery_persons[others])
        without = smaller.found()
        first = without.ranking(fusion, WEIGHT)[0, 0]
        if fusion == "cosine":
            score = without.cosine[0, first]
        else:
            assert without.logits is not None
            near = np.take_along_axis(without.cosine, without.candidates, axis=1)
            score = pair_scores(near, without.logits, fusion=fusion, weight=WEIGHT).max()
        assert hits.nonmated[query] == pytest.approx(float(score), abs=1e-5)
        assert hits.nonmated_half[query] <= hits.nonmated[query]
        half = persons[: len(persons) // 2]
        if (person in half) == (smaller.gallery_persons[first] in half):
            assert hits.nonmated_half[query] == hits.nonmated[query]
    assert (hits.nonmated_half < hits.nonmated).any()


def test_where_no_own_image_is_among_the_first_nothing_moves_up() -> None:
    target = Target(tiny_images(17), PERSONS, tiny_captions(1), np.array([0]))
    search = Search.of(tiny_model(), target, Engine(top_k=2, batch_size=5))
    found = search.found()
    stranger = replace(found, query_persons=found.gallery_persons[found.first_stage[:, -1]])
    assert not np.isin(stranger.query_persons, found.gallery_persons[found.candidates])
    hits = search.first_hits(stranger, "published")
    assert hits.mated.tolist() == hits.nonmated.tolist() and not hits.right.any()


@given(SCORES, st.floats(0.001, 0.999), st.integers(1, 400), st.integers(1, 400), st.floats(0, 1))
def test_a_threshold_keeps_its_rate_where_it_comes_from(scores: np.ndarray, rate: float, gallery: int, of: int, growth: float) -> None:
    """At most the share, by the rule of independence, and no lower score of a search does; with ties."""
    found = threshold(scores, rate, gallery=gallery, of=of, growth=growth)
    share = 1 - (1 - rate) ** ((of / gallery) ** growth)
    reached = [sum(score >= own for score in scores.tolist()) for own in sorted(set(scores.tolist()))]
    allowed = [count for count in reached if count <= share * len(scores) + 1e-6]
    if found is None:
        assert max(allowed, default=0) < RESOLVED
    else:
        assert (scores >= found).sum() == max(allowed) >= RESOLVED


@given(SCORES, SCORES, st.floats(-4, 4), st.floats(0, 4))
def test_both_rates_fall_with_the_threshold(mated: np.ndarray, nonmated: np.ndarray, low: float, more: float) -> None:
    size = min(len(mated), len(nonmated))
    right = np.arange(size) % 3 > 0
    hits = FirstHits(np.arange(size), mated[:size], right, nonmated[:size], nonmated[:size], 10)
    first, second = (hits.values(bar).mean(axis=0) for bar in (low, low + more))
    assert (second <= first).all()
    assert first[1] <= hits.values(-math.inf)[:, 1].mean() == pytest.approx(100 * right.mean())


@pytest.mark.parametrize(("rate", "gallery", "message"), [(0.0, 5, "rate: 0"), (1, 5, "rate: 1"), (0.1, 0, "0 and 9")])
def test_arguments_that_make_no_sense_are_named(rate: float, gallery: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        threshold(np.zeros(100), rate, gallery=gallery, of=9)


@pytest.mark.parametrize("ratio", [0.25, 4])
def test_independent_images_give_the_stated_rate_at_another_size(ratio: float) -> None:
    random = np.random.default_rng(0)
    size = 200
    nonmated = random.random((40_000, size)).max(axis=1)
    larger = random.random(40_000) ** (1 / (ratio * size))  # the largest of so many
    bar = threshold(nonmated, 0.1, gallery=round(ratio * size), of=size)
    assert (larger >= bar).mean() == pytest.approx(0.1, abs=0.01)
    unchanged = threshold(nonmated, 0.1, gallery=round(ratio * size), of=size, growth=0)
    assert unchanged == threshold(nonmated, 0.1, gallery=size, of=size)


def test_growth_tells_strangers_from_look_alikes() -> None:
    random = np.random.default_rng(1)
    halves = random.random((20_000, 2, 50)).max(axis=2)  # of independent images
    none = np.zeros(20_000)
    strangers = FirstHits(none, none, none > 0, halves.max(axis=1), halves[:, 0], 100)
    assert strangers.growth == pytest.approx(1, abs=0.05)
    look_alikes = FirstHits(none, none, none > 0, halves[:, 0], halves[:, 0], 100)  # the best is always near
    assert look_alikes.growth == 0
    assert FirstHits(none[:5], none[:5], none[:5] > 0, halves[:5, 0], halves[:5, 0], 100).growth == 1  # too few to tell
    assert FirstHits(none, none, none > 0, none, none, 100).growth == 1  # all equal: none is above the others


def hits_at(random: np.random.Generator, *, queries: int = 400, ties: bool = False) -> FirstHits:
    mated, nonmated = random.normal(1, 1, queries), random.normal(0, 1, queries)
    if ties:
        mated, nonmated = np.round(mated), np.round(nonmated)
    persons = np.arange(queries) // 4
    return FirstHits(persons, mated.astype(np.float32), random.random(queries) < 0.8, nonmated.astype(np.float32), nonmated - 1, 99)


def test_a_hit_is_rather_right_from_where_the_odds_outweigh_the_gallerys_growth() -> None:
    val = ValSearches(100, 0.5, np.zeros(10, np.float32), Logistic(2.0, -1.0))
    assert val.even(100) == pytest.approx(0.5)
    for gallery in (10, 100, 10_000):
        score = val.even(gallery)
        assert score is not None
        right = val.curve.probabilities(np.array([score]))[0]
        assert right / (1 - right) == pytest.approx((gallery / 100) ** 0.5)
    assert dataclasses.replace(val, curve=Logistic(0.0, 1.0)).even(100) is None


@pytest.mark.parametrize("ties", [False, True])
def test_the_report_by_plain_loops(ties: bool) -> None:
    random = np.random.default_rng(5)
    val, test = ValSearches.of(hits_at(random, ties=ties)), hits_at(random, ties=ties)
    told = open_set_metrics(val, test, samples=200, seed=0)
    assert np.array_equal(np.array(told["val"]["nonmated"], np.float32), np.sort(val.nonmated))
    assert list(told["rates"]) == [str(rate) for rate in RATES] and told["rates"]["1"] is None  # 4 of 400
    for rate in RATES:
        found = told["rates"][str(rate)]
        if found is None:
            continue
        bar = found["threshold"]
        assert (val.nonmated >= bar).mean() <= rate / 100
        above = [100 * sum(score >= np.float32(bar) for score in test.nonmated) / 400]
        above.append(100 * sum(own and score >= np.float32(bar) for own, score in zip(test.right, test.mated, strict=True)) / 400)
        assert list(found["scores"].values()) == pytest.approx(above)
        for name, (low, high) in found["intervals"].items():
            assert low <= found["scores"][name] <= high
    shares, found = told["trade_off"].values()
    assert shares[0] >= 100 * RESOLVED / 400 and shares[-1] == pytest.approx(100)
    for share, tpir in zip(shares, found, strict=True):
        bars = [bar for bar in {*test.nonmated.tolist()} if sum(test.nonmated >= bar) <= share / 100 * 400 + 1e-6]
        best = max((100 * sum(test.right & (test.mated >= bar)) / 400 for bar in bars), default=0)
        assert tpir == pytest.approx(best)
