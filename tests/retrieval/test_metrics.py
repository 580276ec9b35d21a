"""Metrics against plain loops, hand-made cases and another library."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.retrieval import retrieval_average_precision

from cada.retrieval.metrics import METRICS, bootstrap_intervals, evaluate, score_queries, summarise
from tests.messages import refused


def plain(ranking, query_persons, gallery_persons):
    totals = dict.fromkeys(METRICS, 0.0)
    for row, person in zip(ranking, query_persons, strict=True):
        relevant = [gallery_persons[index] == person for index in row]
        ranks = [rank for rank, hit in enumerate(relevant, start=1) if hit]
        for k in (1, 5, 10):
            totals[f"R{k}"] += any(relevant[:k])
        totals["mAP"] += sum((number + 1) / rank for number, rank in enumerate(ranks)) / len(ranks)
        totals["mINP"] += len(ranks) / ranks[-1]
    return {name: 100 * value / len(ranking) for name, value in totals.items()}


def test_by_hand():
    # two relevant images at ranks 2 and 4: AP = (1/2 + 2/4) / 2, INP = 2/4
    values = summarise(score_queries(np.array([[0, 1, 2, 3]]), np.array([7]), np.array([1, 7, 2, 7])).values())
    assert values == {"R1": 0.0, "R5": 100.0, "R10": 100.0, "mAP": 50.0, "mINP": 50.0}


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_equal_to_plain_loops(chunk):
    generator = np.random.default_rng(0)
    gallery = np.concatenate([np.arange(12), generator.integers(0, 12, 28)])
    queries = generator.integers(0, 12, 25)
    ranking = np.stack([generator.permutation(40) for _ in queries])
    found = summarise(score_queries(ranking, queries, gallery, chunk=chunk).values())
    assert found == pytest.approx(plain(ranking, queries, gallery))


def test_average_precision_equals_torchmetrics():
    generator = np.random.default_rng(1)
    gallery, queries, scores = generator.integers(0, 5, 30), generator.integers(0, 5, 20), generator.random((20, 30))
    found = score_queries(np.argsort(-scores, axis=1), queries, gallery).average_precision
    for row, person in enumerate(queries):
        expected = retrieval_average_precision(torch.tensor(scores[row]), torch.tensor(gallery == person))
        assert found[row] == pytest.approx(float(expected), abs=1e-6)


def test_permuting_the_gallery_changes_nothing():
    generator = np.random.default_rng(2)
    gallery, queries, scores = generator.integers(0, 5, 30), generator.integers(0, 5, 20), generator.normal(size=(20, 30))
    order = generator.permutation(30)
    before = score_queries(np.argsort(-scores, axis=1), queries, gallery).values()
    after = score_queries(np.argsort(-scores[:, order], axis=1), queries, gallery[order]).values()
    assert np.array_equal(before, after)


@pytest.mark.parametrize("chunk", [1, 1024])
def test_a_query_without_a_relevant_image_is_named(chunk):
    with refused("query 1", 3, by=ValueError) as caught:
        score_queries(np.array([[0, 1], [1, 0]]), np.array([2, 3]), np.array([1, 2]), chunk=chunk)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [None, torch.float64, torch.float32, torch.bfloat16])
def test_scores_and_the_ranking_they_make_are_worth_the_same(dtype):
    draw = np.random.default_rng(6)
    gallery, queries = np.repeat(np.arange(6), 4), np.arange(6)
    scores = draw.integers(0, 5, (6, 24)).astype(np.float32)  # with ties
    ranking = np.array([sorted(range(24), key=lambda image: (-row[image], image)) for row in scores])
    expected = pytest.approx(plain(ranking, queries, gallery))
    assert evaluate(torch.from_numpy(scores).to(dtype) if dtype else scores, queries, gallery) == expected
    assert evaluate(torch.from_numpy(ranking).to(torch.int16), queries, gallery) == expected
    assert evaluate(ranking, queries.tolist(), torch.from_numpy(gallery)) == expected
    assert evaluate(torch.from_numpy(ranking), [f"p{person}" for person in queries], [f"p{person}" for person in gallery]) == expected


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_float64_tells_apart_what_float32_cannot(kind):
    assert evaluate(kind(np.array([[0.5, 0.5 + 1e-12]])), [1], [0, 1])["R1"] == 100


@pytest.mark.parametrize(
    ("given", "queries", "facts"),
    [
        (np.zeros((2, 3)), [0, 1], ("(2, 3)", "2 query_ids", "2 gallery_ids")),
        (np.zeros((0, 2)), [], ("(0, 2)", "0 query_ids", "2 gallery_ids")),
        (np.array([[0, 1], [1, 1]]), [0, 1], ("ranking", "query 1")),
        (np.eye(2), [0, 7], ("query 1", 7)),
        (np.full((1, 2), np.nan), [0], ("scores", "query 0")),
    ],
)
def test_arguments_that_do_not_fit_are_named(given, queries, facts):
    with refused(*facts, by=ValueError):
        evaluate(given, queries, [0, 1])


def test_the_bootstrap_draws_persons():
    # 50 persons with 8 queries that all succeed or all fail: the interval is that of 50 draws, not of 400
    generator = np.random.default_rng(3)
    outcome = generator.random(50) < 0.5
    values = np.repeat(outcome[:, None] * 100.0, 8, axis=0).repeat(5, axis=1)
    low, high = bootstrap_intervals(values, np.repeat(np.arange(50), 8), samples=4000, seed=0)["R1"]
    deviation = 100 * np.sqrt(outcome.mean() * (1 - outcome.mean()) / 50)
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.08)
    assert low < 100 * outcome.mean() < high


def test_intervals_are_percentiles_of_means_over_drawn_persons():
    """The draws of the seed, one by one: how often each person is taken, and the mean over the queries of those taken."""
    draw = np.random.default_rng(3)
    values, persons = draw.random((30, 5)) * 100, np.sort(draw.integers(0, 9, 30))
    names = sorted(set(persons.tolist()))
    means = []
    for times in np.random.Generator(np.random.PCG64(7)).multinomial(len(names), [1 / len(names)] * len(names), size=200):
        taken = [row for name, count in zip(names, times, strict=True) for row in np.flatnonzero(persons == name).tolist() * count]
        means.append(values[taken].mean(axis=0))
    for level in (0.95, 0.8):
        found = bootstrap_intervals(values, persons, samples=200, seed=7, level=level)
        for place, name in enumerate(METRICS):
            ends = np.percentile([mean[place] for mean in means], [50 * (1 - level), 50 * (1 + level)])
            assert found[name] == pytest.approx(ends.tolist())
    assert bootstrap_intervals(values, persons, samples=200, seed=7) == bootstrap_intervals(
        values, persons, samples=200, seed=7, level=0.95
    )
