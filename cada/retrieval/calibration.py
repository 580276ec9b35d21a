"""What a score says: a logistic curve from scores to probabilities, and how far these are from what happens.

Legend: N searches, P persons, C bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cada.retrieval.metrics import bootstrap_means

BINS = 10
STEPS = 100  # Newton takes about ten


@dataclass(frozen=True)
class Logistic:
    """The probability 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float

    @classmethod
    def fitted(cls, scores: np.ndarray, outcomes: np.ndarray) -> Self:
        """The curve of highest likelihood for `scores` (N,) and whether each came true (N,), by Newton's method.

        Targets are Platt's ("Probabilistic outputs for support vector machines", 1999), (n1 + 1) / (n1 + 2) for the n1 that came true
        and 1 / (n0 + 2) for the n0 others: without them no curve is best where a score parts the two. Scores that are all equal have
        the slope 0.
        """
        true = int(outcomes.sum())
        targets = np.where(outcomes, (true + 1) / (true + 2), 1 / (len(outcomes) - true + 2))
        centre, scale = float(scores.mean(dtype=np.float64)), float(scores.std(dtype=np.float64)) or 1.0
        design = np.stack([(scores - centre) / scale, np.ones(len(scores))], axis=1)  # (N, 2)
        found = np.zeros(2)
        loss = _loss(design @ found, targets)
        for _ in range(STEPS):
            predicted = _sigmoid(design @ found)
            hessian = (design * (predicted * (1 - predicted))[:, None]).T @ design
            step = np.linalg.lstsq(hessian, design.T @ (predicted - targets), rcond=None)[0]
            while (new := _loss(design @ (found - step), targets)) > loss:  # Newton's step may overshoot; half of it less
                step /= 2
            gain, found, loss = loss - new, found - step, new
            if gain <= 1e-12 * loss:
                break
        slope = found[0] / scale
        return cls(float(slope), float(found[1] - slope * centre))

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """Of scores (N,) as float64 (N,)."""
        return _sigmoid(self.slope * scores.astype(np.float64) + self.intercept)


def reliability(
    predicted: np.ndarray, outcomes: np.ndarray, persons: Sequence[int] | np.ndarray, *, samples: int, seed: int
) -> dict[str, Any]:
    """Predicted probabilities (N,) beside outcomes (N,), in up to BINS bins of as equal counts as ties allow, all in percent.

    reliability: for each bin the mean prediction, the share that came true and the number. ECE: the expected calibration error, the mean
    distance of the two over all searches (Naeini et al., AAAI 2015). Chance adds to it in every sample, so percentiles of a bootstrap
    would miss a small one. Its 95 % interval is ECE +- the 95th percentile of the same distance between drawn and measured bins, with
    `persons` (N,) drawn with replacement: by the triangle inequality it holds the truth at least as often.
    """
    edges = np.sort(predicted)[[len(predicted) * number // BINS for number in range(1, BINS)]]
    _, place = np.unique(np.searchsorted(edges, predicted, side="right"), return_inverse=True)  # equal predictions share a bin
    counts = np.bincount(place)
    means = [100 * np.bincount(place, weights=values) / counts for values in (predicted, outcomes)]
    gaps = np.where(place[:, None] == np.arange(len(counts)), 100 * (predicted - outcomes)[:, None], 0.0)  # (N, C)
    measured = gaps.mean(axis=0)
    error = float(np.abs(measured).sum())
    drawn = np.abs(bootstrap_means(gaps, persons, samples=samples, seed=seed) - measured).sum(axis=1)  # (samples,)
    margin = float(np.percentile(drawn, 95))
    rows = zip(*(mean.tolist() for mean in means), counts.tolist(), strict=True)
    return {
        "reliability": [dict(zip(("predicted", "observed", "searches"), row, strict=True)) for row in rows],
        "ECE": error,
        "ECE_interval": [max(error - margin, 0.0), min(error + margin, 100.0)],
    }


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -values))


def _loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Binary cross-entropy, summed."""
    return float((np.logaddexp(0, logits) - targets * logits).sum())
