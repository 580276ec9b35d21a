"""Scores of maps by hand, and against plain loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cada.analysis.association.correspondence import average_precision, correspondence


def test_a_map_by_hand() -> None:
    found = correspondence(np.array([3.0, 1, 0, 0]), np.array([0.5, 0, 1, 0]))
    assert (found["pointing"], found["best"]) == (0.5, 0)
    assert found["inside"] == pytest.approx(1.5 / 4)
    # half a patch first, then nothing, then a whole one that two of equal weight share
    assert found["precision"] == pytest.approx((0.5 * 0.5 + 0.5 * 1 / 3 + 0.5 * 1.5 / 4) / 1.5)


def test_the_region_itself_is_the_bound_and_a_flat_map_is_chance() -> None:
    random = np.random.default_rng(0)
    coverage = random.integers(0, 5, 20) / 4 * (random.random(20) < 0.4)
    bound, flat = correspondence(coverage, coverage), correspondence(np.ones(20), coverage)
    assert flat == pytest.approx(dict.fromkeys(("pointing", "inside", "precision"), coverage.mean()) | {"best": 1 / 20})
    assert (bound["pointing"], bound["best"]) == (coverage.max(), 1)
    assert correspondence(np.zeros(20), coverage) == flat
    for _ in range(50):
        other = correspondence(random.random(20), coverage)
        assert other["pointing"] <= bound["pointing"] and other["precision"] <= bound["precision"]


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_by_loops(seed: int) -> None:
    """One patch after the other, each with what those of its weight cover on the average."""
    random = np.random.default_rng(seed)
    weights, coverage = random.integers(0, 4, 12).astype(float), random.random(12) * (random.random(12) < 0.5)
    coverage[0] = 0.5
    seen, found, total = 0, 0.0, 0.0
    for weight in sorted(set(weights), reverse=True):
        alike = [covered for own, covered in zip(weights, coverage, strict=True) if own == weight]
        for _ in alike:
            seen, found = seen + 1, found + sum(alike) / len(alike)
            total += sum(alike) / len(alike) * found / seen
    assert average_precision(weights, coverage) == pytest.approx(total / coverage.sum())
