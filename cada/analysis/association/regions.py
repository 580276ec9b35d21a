"""Regions of an image on the patch grid: what each covers, the patches to take out for it, and others to compare with.

Legend: H height, W width, P patches, R regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from cada.synthpedes.randomness import Stream
from cada.synthpedes.regions import SLOTS, body, region

LEAST = 0.125  # of a patch: a region that covers less leaves the patch to others
BANDS = 6  # of an image whose regions are not known
OVERLAPPING = {"pattern": "upper", "build": None}  # no regions of their own where one of several is chosen; whose they are then
Coverage = Mapping[str, np.ndarray]  # by region, the covered share of each patch (P)


def patch_shares(pixels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The share (P) of each patch of a `grid` (rows, columns) that pixels (H, W) cover. Errors: `ValueError` for parts of patches."""
    (height, width), (rows, columns) = pixels.shape, grid
    if height % rows or width % columns:
        raise ValueError(f"pixels: {height} x {width} are no whole patches of a grid of {rows} x {columns}")
    return pixels.reshape(rows, height // rows, columns, width // columns).mean(axis=(1, 3)).ravel()


def shown_regions(labels: np.ndarray, size: tuple[int, int], grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """What the slots that a label map shows cover of a grid on images of `size` (height, width), which it is brought to."""
    row, column = (np.arange(wanted) * count // wanted for wanted, count in zip(size, labels.shape, strict=True))
    resized = labels[row][:, column]
    found = {slot: region(resized, slot) for slot in SLOTS}
    return {slot: patch_shares(pixels, grid) for slot, pixels in found.items() if pixels.any()}


def home_of(slot: str | None) -> str | None:
    """The region that is right for a slot where one is chosen among several; None for none."""
    return OVERLAPPING.get(slot or "", slot)


def bands(grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """Horizontal bands of an image of which nothing is known, from top to bottom; fewer than BANDS where there are fewer rows."""
    rows, columns = grid
    of_row = np.arange(rows) * min(BANDS, rows) // rows
    return {f"band {band + 1}": np.repeat(of_row == band, columns).astype(float) for band in range(of_row[-1] + 1)}


def taken_patches(coverage: np.ndarray) -> np.ndarray:
    """The patches (P) that stand for a region: those of which it covers LEAST, or the one that it covers most of."""
    return coverage >= min(LEAST, coverage.max())


def elsewhere(taken: np.ndarray, preferred: np.ndarray, grid: tuple[int, int], random: Stream) -> np.ndarray:
    """As many patches (P) as are `taken` (P), none of them: those around a random one of the `preferred` (P), or of all where none is left.

    Of equally near ones the first come first. Where too few are left, all of them.
    """
    free = ~taken
    centre = random.choice(np.flatnonzero(free & preferred if (free & preferred).any() else free).tolist())
    row, column = np.divmod(np.arange(len(taken)), grid[1])
    distance = (row - row[centre]) ** 2 + (column - column[centre]) ** 2
    nearest = np.argsort(np.where(free, distance, distance.max() + 1), kind="stable")[: taken.sum()]
    chosen = np.zeros_like(taken)
    chosen[nearest] = True
    return chosen & free


def anatomy(label_maps: Iterable[np.ndarray], size: tuple[int, int], grid: tuple[int, int]) -> tuple[Coverage, dict[str, float]]:
    """Of each slot, over the label maps that show it, the mean coverage (P), and its mean share of the person's pixels.

    The first is a map that knows where such things are and nothing of the image.
    """
    covered: dict[str, list[np.ndarray]] = {slot: [] for slot in SLOTS}
    shares: dict[str, list[float]] = {slot: [] for slot in SLOTS}
    for labels in label_maps:
        person = body(labels).sum()
        for slot, shown in shown_regions(labels, size, grid).items():
            covered[slot].append(shown)
            shares[slot].append(float(region(labels, slot).sum() / person))
    seen = [slot for slot in SLOTS if covered[slot]]
    return {slot: np.mean(covered[slot], axis=0) for slot in seen}, {slot: float(np.mean(shares[slot])) for slot in seen}
