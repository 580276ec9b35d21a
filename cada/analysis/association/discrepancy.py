"""How far the two directions agree: which region a phrase looks at, and which region predicts it.

Both are matrices of phrases by regions: the mean weight of the phrase's map over the region's pixels, and the nats that the masked phrase
loses when the region is taken out of the image.
Legend: N phrases, R regions, P patches.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def looks(maps: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """Each phrase's mean weight in each region (N, R), in shares of its map's mean: maps (N, P), not negative; coverage (R, P)."""
    weights = maps / np.maximum(maps.mean(axis=1, keepdims=True), np.finfo(maps.dtype).tiny)
    return weights @ coverage.T / coverage.sum(axis=1)


def discrepancy(text: np.ndarray, image: np.ndarray) -> dict[str, np.ndarray]:
    """How far the directions agree (N) on each phrase, from what it looks at, `text` (N, R), and from what predicts it, `image` (N, R).

    agreement: Spearman's rank correlation of the two rows, 0 where one is constant. same: whether both choose the same region, the highest
    of the row; of equal ones the first. mutual: whether of all phrases the region that a phrase looks at most predicts this one best.
    """
    looked = text.argmax(axis=1)
    return {
        "agreement": np.array([rank_correlation(*rows) for rows in zip(text, image, strict=True)]),
        "same": (looked == image.argmax(axis=1)).astype(float),
        "mutual": (image.argmax(axis=0)[looked] == np.arange(len(text))).astype(float),
    }


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's, with mean ranks for equal values; 0 where one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
