"""How well a map over patches agrees with a region: pointing accuracy, share of the map inside, average precision.

A region covers a part of each patch, and all three count pixels: so chance is the region's share of the area, and no map on the grid can
reach more than the region's own coverage does, which is the grid's upper bound.
Legend: N phrases, P patches.
"""

from __future__ import annotations

import numpy as np

SCORES = ("pointing", "inside", "precision")


def correspondence(weights: np.ndarray, coverage: np.ndarray) -> dict[str, float]:
    """The SCORES, 0 to 1, of a map `weights` (P), not negative, for a region that covers these shares (P) of the patches.

    pointing: how likely a random pixel of the patch with the largest weight is in the region; patches of equal weight count alike.
    inside: the share of the map that is in the region, each patch's weight spread evenly over its pixels. precision: average precision of
    the pixels in the order of their patches' weights. A map of zeros counts as uniform.
    """
    if weights.max() <= 0:
        weights = np.ones_like(weights)
    return {
        "pointing": float(coverage[weights == weights.max()].mean()),
        "inside": float((weights * coverage).sum() / weights.sum()),
        "precision": average_precision(weights, coverage),
    }


def average_precision(weights: np.ndarray, coverage: np.ndarray) -> float:
    """The mean over a region's pixels of how many in 1 are the region's among those that come no later; patches of equal weight are one."""
    order = np.argsort(-weights, kind="stable")
    covered, falling = coverage[order], -weights[order]
    last = np.searchsorted(falling, falling, side="right") - 1  # (P) of the patches with the same weight
    precision = np.cumsum(covered) / np.arange(1, len(covered) + 1)
    return float((covered * precision[last]).sum() / covered.sum())
