"""Scores of maps by hand, and against plain loops over pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cada.analysis.association.correspondence import average_precision, correspondence


def test_a_map_by_hand() -> None:
    found = correspondence(np.array([3.0, 1, 0, 0]), np.array([0.5, 0, 1, 0]))
    assert (found["pointing"], found["best"]) == (0.5, 0)
    assert found["inside"] == pytest.approx(1.5 / 4)
    # half a patch of the first, then nothing, then a whole one among two of equal weight, of which both are seen at once
    assert found["precision"] == pytest.approx((0.5 * 0.5 / 1 + 1 * 1.5 / 4) / 1.5)


def test_the_region_itself_is_the_bound_and_a_flat_map_is_chance() -> None:
    random = np.random.default_rng(0)
    coverage = random.random(20) * (random.random(20) < 0.4)
    bound, flat = correspondence(coverage, coverage), correspondence(np.ones(20), coverage)
    assert flat == pytest.approx(dict.fromkeys(("pointing", "inside", "precision"), coverage.mean()) | {"best": 1 / 20})
    assert (bound["pointing"], bound["best"]) == (coverage.max(), 1)
    assert correspondence(np.zeros(20), coverage) == flat
    for _ in range(50):
        other = correspondence(random.random(20), coverage)
        assert other["pointing"] <= bound["pointing"] and other["precision"] <= bound["precision"]


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_by_loops_over_pixels(seed: int) -> None:
    """Each patch is four pixels; those of patches with equal weight come together."""
    random = np.random.default_rng(seed)
    weights, pixels = random.integers(0, 4, 12).astype(float), random.random((12, 4)) < 0.3
    pixels[0, 0] = True
    precisions = []
    for patch in range(12):
        for pixel in range(4):
            if pixels[patch, pixel]:
                seen = [other for other in range(12) if weights[other] >= weights[patch]]
                precisions.append(sum(pixels[other].sum() for other in seen) / (4 * len(seen)))
    assert average_precision(weights, pixels.mean(axis=1)) == pytest.approx(np.mean(precisions))
