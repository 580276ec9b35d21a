"""The curve from scores to probabilities against another optimiser, and its errors against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from cada.retrieval.calibration import BINS, Logistic, reliability


def drawn(queries: int, *, slope: float, intercept: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = random.normal(-3, 2, queries).astype(np.float32)
    return scores, random.random(queries) < np.exp(-np.logaddexp(0, -(slope * scores + intercept)))


@pytest.mark.parametrize(("slope", "intercept"), [(1.5, 4.0), (0.0, -2.0), (-2.0, -5.0), (40.0, 100.0)])
def test_the_curve_is_that_of_a_general_optimiser(slope: float, intercept: float) -> None:
    scores, outcomes = drawn(2000, slope=slope, intercept=intercept)
    true, false = outcomes.sum(), (~outcomes).sum()
    targets = np.where(outcomes, (true + 1) / (true + 2), 1 / (false + 2))

    def loss(curve: np.ndarray) -> float:
        logits = curve[0] * scores.astype(float) + curve[1]
        return float(np.sum(np.logaddexp(0, logits) - targets * logits))

    expected = minimize(loss, [slope, intercept], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000}).x
    found = Logistic.fitted(scores, outcomes)
    assert [found.slope, found.intercept] == pytest.approx(expected.tolist(), rel=1e-3, abs=1e-4)
    assert found.probabilities(scores).mean() == pytest.approx(targets.mean())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_scores_that_part_right_from_wrong_have_a_finite_curve(scale: float) -> None:
    scores = scale * np.array([1.0, 2, 3, 4, 5, 6])
    curve = Logistic.fitted(scores, scores > 3.5 * scale)
    assert np.isfinite([curve.slope, curve.intercept]).all()
    found = curve.probabilities(scores)
    assert (np.diff(found) > 0).all() and found == pytest.approx(1 - found[::-1])
    assert found[3:].mean() < 0.8 == pytest.approx(found[3:].mean(), abs=0.1)  # Platt's target: (3 + 1) / (3 + 2)


@pytest.mark.parametrize("outcomes", [[True] * 4, [False] * 4, [True, False, False, False]])
def test_equal_scores_have_their_mean(outcomes: list[bool]) -> None:
    curve = Logistic.fitted(np.full(4, 0.3), np.array(outcomes))
    true, false = sum(outcomes), 4 - sum(outcomes)
    targets = true * (true + 1) / (true + 2) + false / (false + 2)
    assert curve.slope == 0
    assert curve.probabilities(np.array([0.3])) == pytest.approx(targets / 4)


@given(st.lists(st.tuples(st.integers(0, 6).map(lambda number: number / 6), st.booleans()), min_size=1, max_size=60))
def test_bins_and_error_by_plain_loops(searches: list[tuple[float, bool]]) -> None:
    predicted, outcomes = (np.array(values) for values in zip(*searches, strict=True))
    told = reliability(predicted, outcomes, np.arange(len(searches)), samples=20, seed=0)
    ordered = sorted(value for value, _ in searches)
    edges = [ordered[len(ordered) * number // BINS] for number in range(1, BINS)]
    bins: dict[int, list[tuple[float, bool]]] = {}
    for value, outcome in searches:
        bins.setdefault(sum(value >= edge for edge in edges), []).append((value, outcome))
    expected, error = [], 0.0
    for _, members in sorted(bins.items()):
        said, happened = (100 * sum(values) / len(members) for values in zip(*members, strict=True))
        expected.append({"predicted": pytest.approx(said), "observed": pytest.approx(happened), "searches": len(members)})
        error += abs(said - happened) * len(members) / len(searches)
    assert told["reliability"] == expected
    assert told["ECE"] == pytest.approx(error, abs=1e-9)
    low, high = told["ECE_interval"]
    assert 0 <= low <= told["ECE"] <= high <= 100 or told["ECE"] == pytest.approx(low) == pytest.approx(high)


def test_different_predictions_make_bins_of_equal_counts() -> None:
    predicted = np.random.default_rng(0).permutation(103) / 103
    told = reliability(predicted, predicted > 0.4, np.arange(103), samples=10, seed=0)
    assert sorted({row["searches"] for row in told["reliability"]}) == [10, 11]
    assert len(told["reliability"]) == BINS


def test_the_interval_holds_the_error_of_a_curve_that_is_right_and_of_one_that_is_wrong() -> None:
    """Persons with eight queries each that have much in common; the true error is 0, and 8 points."""
    held = np.zeros(2)
    for seed in range(60):
        random = np.random.default_rng(seed)
        persons = np.repeat(np.arange(100), 8)
        chance = random.uniform(0.1, 0.9, 100)[persons]
        own = random.random(100)[persons]  # one draw for all queries of a person, in half of them
        outcomes = np.where(random.random(800) < 0.5, own, random.random(800)) < chance
        for place, shift in enumerate((0.0, 0.08)):
            low, high = reliability(chance + shift, outcomes, persons, samples=100, seed=0)["ECE_interval"]
            held[place] += low <= 100 * shift <= high
    assert (held >= 0.9 * 60).all()
