"""How well a map over patches agrees with a region: pointing accuracy, share of the map inside, average precision.

A region covers a part of each patch, and scores count pixels: so chance is the region's share of the area, and no map on the grid can
reach more than the region's own coverage does, which is the grid's upper bound.
Legend: N phrases, P patches.
"""

from __future__ import annotations

import numpy as np


def correspondence(weights: np.ndarray, coverage: np.ndarray) -> dict[str, float]:
    """The scores, 0 to 1, of a map `weights` (P), not negative, for a region that covers these shares (P) of the patches.

    pointing: how likely a random pixel of the patch with the largest weight is in the region; patches of equal weight count alike.
    best: how likely that patch is one that the region covers most of all. inside: the share of the map that is in the region, each patch's
    weight spread evenly over its pixels. precision: `average_precision`. A map of zeros counts as uniform.
    """
    if weights.max() <= 0:
        weights = np.ones_like(weights)
    highest = weights == weights.max()
    return {
        "pointing": float(coverage[highest].mean()),
        "best": float((coverage[highest] == coverage.max()).mean()),
        "inside": float((weights * coverage).sum() / weights.sum()),
        "precision": average_precision(weights, coverage),
    }


def average_precision(weights: np.ndarray, coverage: np.ndarray) -> float:
    """Average precision of a region's pixels in the order of their patches' weights (P); patches of equal weight share what they cover."""
    _, group, counts = np.unique(-weights, return_inverse=True, return_counts=True)
    shared = np.repeat(np.bincount(group, coverage) / counts, counts)  # (P) from the highest weight to the lowest
    precision = np.cumsum(shared) / np.arange(1, len(shared) + 1)
    return float((shared * precision).sum() / shared.sum())
