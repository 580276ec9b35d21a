"""Regions on the patch grid, by hand and by plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from cada.analysis.association.regions import BANDS, anatomy, bands, elsewhere, home_of, patch_shares, shown_regions, taken_patches
from cada.synthpedes.randomness import Stream
from cada.synthpedes.regions import LABELS

GRID = (3, 2)


def labels(hat: list[tuple[int, int]], size: tuple[int, int] = (6, 4)) -> np.ndarray:
    """A person all over the left half but for a hat at these pixels."""
    found = np.zeros(size, dtype=np.uint8)
    found[:, :2] = LABELS.index("person")
    for place in hat:
        found[place] = LABELS.index("hat")
    return found


def test_shares_by_loops() -> None:
    pixels = np.random.default_rng(0).random((6, 4)) < 0.5
    expected = [pixels[row * 2 : row * 2 + 2, column * 2 : column * 2 + 2].mean() for row in range(3) for column in range(2)]
    assert patch_shares(pixels, GRID).tolist() == expected
    with pytest.raises(ValueError, match="6 x 4"):
        patch_shares(pixels, (4, 2))


def test_regions_are_those_that_are_seen_whatever_the_image_size() -> None:
    found = shown_regions(labels([(0, 0)]), (6, 4), GRID)
    assert set(found) == {"build", "hat"}
    assert found["hat"].tolist() == [0.25, 0, 0, 0, 0, 0] and found["build"].tolist() == [1, 0, 1, 0, 1, 0]
    larger = shown_regions(labels([(0, 0)]), (12, 8), GRID)
    assert all(np.array_equal(larger[name], found[name]) for name in found)


def test_the_anatomy_is_a_mean_over_images_that_show_it() -> None:
    maps, shares = anatomy([labels([(0, 0)]), labels([(0, 0), (0, 1), (2, 0)]), labels([])], (6, 4), GRID)
    assert maps["hat"].tolist() == [0.375, 0, 0.125, 0, 0, 0]
    assert shares == pytest.approx({"build": 1, "hat": (1 / 12 + 3 / 12) / 2})
    assert "shoes" not in maps


def test_what_is_taken_out_and_what_instead() -> None:
    assert taken_patches(np.array([0.5, 0.125, 0.1, 0])).tolist() == [True, True, False, False]
    assert taken_patches(np.array([0.05, 0.1, 0.1, 0])).tolist() == [False, True, True, False]
    taken = np.array([True, True, False, False, False, False])
    preferred = np.array([True, True, False, False, False, True])
    for seed in range(20):
        assert elsewhere(taken, preferred, GRID, Stream(seed)).tolist() == [False, False, False, True, False, True]
    found = {tuple(np.flatnonzero(elsewhere(taken, taken, GRID, Stream(seed)))) for seed in range(50)}
    assert len(found) > 2 and all(len(places) == 2 and min(places) > 1 for places in found)
    assert elsewhere(~taken, preferred, GRID, Stream(0)).tolist() == taken.tolist()  # too few are left


def test_bands_share_out_the_rows() -> None:
    found = bands((12, 6))
    assert len(found) == BANDS and np.array_equal(sum(found.values()), np.ones(72))
    assert found["band 1"].reshape(12, 6)[:2].all() and not found["band 1"].reshape(12, 6)[2:].any()
    assert len(bands((3, 2))) == 3


def test_the_home_of_a_slot() -> None:
    assert [home_of(slot) for slot in ("hat", "pattern", "build", None)] == ["hat", "upper", None, None]
