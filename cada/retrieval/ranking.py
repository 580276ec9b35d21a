"""The two stages: scores of all pairs to rankings, and the first K of each re-ordered by what a matcher says of the pairs.

One rule for ties everywhere: the image that comes first in the gallery comes first.
Legend: Q queries, G gallery, K re-ranked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

TAIL = np.float32(-100)  # what the published code adds to the cosine of images that are not re-ranked
ROWS = 256  # sorted at a time, so that their keys stay in the cache
FUSIONS = ("cosine", "published", "calibrated")

# from gallery indices (Q, K) to match logits of these pairs: (Q, K, 2), class 1 = match; or (Q, K), the logit of a match alone
PairScorer = Callable[[np.ndarray], Any]


def rerank(scores: Any, match: PairScorer, *, top_k: int, fusion: str, weight: float | None = None) -> np.ndarray:
    """Gallery indices (Q, G), best first, under the first-stage `scores` (Q, G) and `match` for the first `top_k` of each query.

    scores: numpy or torch, taken in float32. match: any function from gallery indices (Q, K) to match logits (Q, K, 2), of which
    class 1 is "match"; or to one logit a pair (Q, K), which stands beside a logit of 0. It is called once. fusion, for the first K
    (method section 5): `published` is the match logit + score; `calibrated` is the log-probability of a match + `weight` * score;
    `cosine` leaves the first stage's order. Evaluation ranks by the same functions.
    Errors: `ValueError` for an unknown fusion, a missing weight, or arrays of other shapes.
    """
    scores = as_scores(scores).astype(np.float32, copy=False)
    if fusion not in FUSIONS:
        raise ValueError(f"fusion: {fusion!r} is none of {', '.join(FUSIONS)}.")
    if top_k < 1:
        raise ValueError(f"top_k: {top_k} is not positive.")
    return retrieve(scores, match if fusion != "cosine" else None, top_k).ranking(fusion, weight)


def retrieve(scores: np.ndarray, match: PairScorer | None, top_k: int | None, *, first_stage: np.ndarray | None = None) -> Retrieved:
    """Rank by float32 `scores` (Q, G) and match the first `top_k` of each query, if there is a `match`.

    first_stage: their ranking (Q, G), if it is there. Errors: `ValueError` where `match` does not give logits (Q, K, 2) or (Q, K).
    """
    first_stage = rank(scores) if first_stage is None else first_stage
    if match is None:
        return Retrieved(first_stage, scores, None)
    candidates = first_stage[:, :top_k]
    logits = as_array(match(candidates)).astype(np.float32, copy=False)
    if logits.shape == candidates.shape:
        logits = np.stack([np.zeros_like(logits), logits], axis=2)
    if logits.shape != (*candidates.shape, 2):
        raise ValueError(f"match: it gives {logits.shape} for candidates {candidates.shape}, not one or two logits a pair.")
    return Retrieved(first_stage, scores, logits)


@dataclass(frozen=True)
class Retrieved:
    """Both stages of all queries: enough to rank under any fusion."""

    first_stage: np.ndarray  # (Q, G) gallery indices by cosine
    cosine: np.ndarray  # (Q, G)
    logits: np.ndarray | None  # (Q, K, 2)

    @property
    def fusions(self) -> tuple[str, ...]:
        """The fusions that can be reported."""
        return ("cosine",) if self.logits is None else ("cosine", "calibrated", "published")

    @property
    def candidates(self) -> np.ndarray:
        """The gallery indices that were matched (Q, K)."""
        return self.first_stage[:, : self._matched.shape[1]]

    def ranking(self, fusion: str, weight: float | None = None) -> np.ndarray:
        """Gallery indices (Q, G) under `cosine`, `published` or `calibrated`; the last needs the `weight` of the cosine."""
        if fusion == "cosine":
            return self.first_stage
        if fusion == "published":
            return rank(published_scores(self.cosine, self.candidates, self._matched))
        return reorder(self.first_stage, self.calibrated(weight))

    def calibrated(self, weight: float | None) -> np.ndarray:
        """The candidates' scores (Q, K) under the calibrated fusion with `weight` of the cosine."""
        near = np.take_along_axis(self.cosine, self.candidates, axis=1)
        return pair_scores(near, self._matched, fusion="calibrated", weight=weight)

    def within(self, k: int) -> Self:
        """The same search, had it matched the first `k` <= K images of each query alone."""
        return replace(self, logits=self._matched[:, :k])

    @property
    def _matched(self) -> np.ndarray:
        if self.logits is None:
            raise ValueError("no pair was matched: search with top_k.")
        return self.logits


def as_array(values: Any) -> np.ndarray:
    """numpy's array of numpy, torch (on any device) or a list."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() and values.itemsize < 4 else values  # numpy has no bfloat16
    return np.asarray(values)


def as_scores(values: Any) -> np.ndarray:
    """Scores (Q, G) of numpy or torch. Errors: `ValueError` for another shape, or what is not a number."""
    scores = as_array(values)
    if scores.ndim != 2:
        raise ValueError(f"scores: they have the shape {scores.shape}, not (queries, gallery).")
    if (wrong := np.flatnonzero(np.isnan(scores).any(axis=1))).size:
        raise ValueError(f"scores: those of query {wrong[0]} are not all numbers.")
    return scores


def rank(scores: np.ndarray) -> np.ndarray:
    """Scores (Q, G) to gallery indices (Q, G) int32, best first.

    Of float32, one sort of 64-bit keys, the score's bits above and the index below, is six times as fast as a stable argsort.
    """
    if scores.dtype != np.float32:
        return np.argsort(-scores, axis=1, kind="stable").astype(np.int32)
    ranking = np.empty(scores.shape, dtype=np.int32)
    index = np.arange(scores.shape[1], dtype=np.uint64)
    sign = np.uint32(1 << 31)
    for start in range(0, len(scores), ROWS):
        bits = (0 - scores[start : start + ROWS]).view(np.uint32)  # 0 - x has one zero, -x has two
        # as unsigned numbers, floats ascend once the sign of positive ones is set and negative ones are inverted
        keys = np.where(bits & sign, ~bits, bits | sign).astype(np.uint64) << np.uint64(32) | index
        keys.sort(axis=1)
        ranking[start : start + ROWS] = keys & np.uint64(0xFFFFFFFF)
    return ranking


def published_scores(cosine: np.ndarray, candidates: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """The published scores (Q, G) in float32, from cosines (Q, G) and match logits (Q, K, 2) of `candidates` (Q, K).

    The logit of class 1 + cosine for candidates, -100 + cosine for the rest, whose cosines it rounds to 7.6e-6 (method
    section 5): images that are nearer to each other become ties.
    """
    scores = cosine + TAIL
    near = np.take_along_axis(cosine, candidates, axis=1)
    np.put_along_axis(scores, candidates, pair_scores(near, logits, fusion="published", weight=None), axis=1)
    return scores


def pair_scores(cosine: np.ndarray, logits: np.ndarray, *, fusion: str, weight: float | None) -> np.ndarray:
    """The scores (Q, K) of matched pairs under the `published` or the `calibrated` fusion, from cosines (Q, K) and logits (Q, K, 2).

    Errors: `ValueError` for the calibrated fusion without the `weight` of the cosine.
    """
    if fusion == "published":
        return logits[..., 1] + cosine
    if weight is None:
        raise ValueError("weight: the calibrated fusion needs the weight of the cosine.")
    return calibrated_scores(cosine, logits, weight=weight)


def calibrated_scores(cosine: np.ndarray, logits: np.ndarray, *, weight: float) -> np.ndarray:
    """Log-probability of a match + `weight` * cosine (Q, K), from cosines (Q, K) and match logits (Q, K, 2) of candidates."""
    match = logits[..., 1] - np.logaddexp(logits[..., 0], logits[..., 1])
    return match + weight * cosine


def reorder(first_stage: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Re-order the first K of each ranking (Q, G) by `scores` (Q, K); the tail keeps the order of the cosine.

    No fill value is added to the tail, so its order cannot be lost to rounding.
    """
    k = scores.shape[1]
    # candidates in gallery order first, so that ties fall to the earlier image
    place = np.argsort(first_stage[:, :k], axis=1, kind="stable")
    order = np.argsort(-np.take_along_axis(scores, place, axis=1), axis=1, kind="stable")
    head = np.take_along_axis(first_stage[:, :k], np.take_along_axis(place, order, axis=1), axis=1)
    return np.concatenate([head, first_stage[:, k:]], axis=1)
