"""Recall, mean average precision and mean inverse negative penalty of text-to-image retrieval.

Legend: Q queries, G gallery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cada.retrieval.ranking import as_array, as_scores, rank

METRICS = ("R1", "R5", "R10", "mAP", "mINP")


@dataclass(frozen=True)
class QueryScores:
    """What one ranking says about each query; every array is (Q,)."""

    first: np.ndarray  # rank of the first relevant image, from 1
    average_precision: np.ndarray  # (1/R) sum over relevant ranks r of hits(r) / r
    inverse_penalty: np.ndarray  # R / rank of the last relevant image

    def values(self) -> np.ndarray:
        """Each query's share in METRICS, in percent: (Q, 5). Their mean over queries is the metric."""
        columns = [self.first <= 1, self.first <= 5, self.first <= 10, self.average_precision, self.inverse_penalty]
        return 100 * np.stack(columns, axis=1).astype(np.float64)


def evaluate(scores_or_ranking: Any, query_ids: Any, gallery_ids: Any) -> dict[str, float]:
    """R@1, R@5, R@10, mAP and mINP of text-to-image retrieval in percent, by METRICS.

    scores_or_ranking: (Q, G), numpy or torch. Of floats, a higher score is a better match, and of equal scores the image that
    comes first in the gallery comes first; integers are gallery indices, best first. An image is relevant to a query of the same
    id, a person's: query_ids (Q) and gallery_ids (G) are numbers or texts. mAP is over the whole gallery; mINP is the mean of R /
    rank of the last of the R relevant images (method section 5).
    Errors: `ValueError` for shapes that do not fit, a row that is no ranking, or a query without a relevant image, which is named.

    >>> evaluate([[0.9, 0.1, 0.5], [0.2, 0.3, 0.4]], ["ann", "bob"], ["ann", "bob", "ann"])["R1"]
    50.0
    """
    given, queries, gallery = as_array(scores_or_ranking), as_array(query_ids), as_array(gallery_ids)
    if given.shape != (len(queries), len(gallery)) or not given.size:
        raise ValueError(f"scores_or_ranking: shape {given.shape}, but there are {len(queries)} query_ids and {len(gallery)} gallery_ids.")
    if np.issubdtype(given.dtype, np.integer):
        wrong = np.flatnonzero((np.sort(given, axis=1) != np.arange(len(gallery))).any(axis=1))
        if wrong.size:
            raise ValueError(
                f"ranking: that of query {wrong[0]} does not have every index of the gallery once. Are these scores? Give floats."
            )
        return summarise(score_queries(given, queries, gallery).values())
    return summarise(score_queries(rank(as_scores(given)), queries, gallery).values())


def score_queries(
    ranking: np.ndarray, query_persons: np.ndarray, gallery_persons: np.ndarray, *, chunk: int = 1024, first: int = 0
) -> QueryScores:
    """Score rankings (Q, G) of gallery indices, best first, by the persons of queries (Q) and images (G).

    Only the ranks of relevant images are looked at, so the cost is that of one gather. Errors: `ValueError` names a query without
    a relevant image by its number, of which `first` is that of the first query here.
    """
    parts = []
    for start in range(0, len(ranking), chunk):
        relevant = gallery_persons[ranking[start : start + chunk]] == query_persons[start : start + chunk, None]
        rows, ranks = np.nonzero(relevant)  # row by row, ranks ascending
        ranks = ranks + 1
        total = np.bincount(rows, minlength=len(relevant))
        if (without := np.flatnonzero(total == 0)).size:
            query = start + without[0]
            person = query_persons[query]
            raise ValueError(f"query {first + query}: no image of the gallery has its id, {person}, so it cannot be scored.")
        begin = np.concatenate([[0], np.cumsum(total)[:-1]])
        hits = np.arange(len(rows)) - begin[rows] + 1
        precision = np.bincount(rows, weights=hits / ranks, minlength=len(relevant)) / total
        parts.append((ranks[begin], precision, total / ranks[begin + total - 1]))
    return QueryScores(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def summarise(values: np.ndarray) -> dict[str, float]:
    """Means over queries of (Q, 5) as a metric's name to percent."""
    return dict(zip(METRICS, values.mean(axis=0).tolist(), strict=True))


def published_score(scores: Mapping[str, float]) -> float:
    """(R1 + R5 + R10) / 3 + mAP, by which the published code chooses its checkpoint, on test."""
    return (scores["R1"] + scores["R5"] + scores["R10"]) / 3 + scores["mAP"]


def bootstrap_intervals(
    values: np.ndarray, persons: Sequence[int] | np.ndarray, *, samples: int, seed: int, level: float = 0.95
) -> dict[str, list[float]]:
    """Percentile intervals of each metric's mean over `values` (Q, 5): `bootstrap_ends` by name."""
    ends = bootstrap_ends(values, persons, samples=samples, seed=seed, level=level)
    return dict(zip(METRICS, ends.T.tolist(), strict=True))


def bootstrap_ends(values: np.ndarray, persons: Sequence[int] | np.ndarray, *, samples: int, seed: int, level: float = 0.95) -> np.ndarray:
    """The ends (2, M) of percentile intervals of the means of `values` (Q, M), with *persons* drawn with replacement."""
    tail = 50 * (1 - level)
    ends: np.ndarray = np.percentile(bootstrap_means(values, persons, samples=samples, seed=seed), [tail, 100 - tail], axis=0)
    return ends


def bootstrap_means(values: np.ndarray, persons: Sequence[int] | np.ndarray, *, samples: int, seed: int) -> np.ndarray:
    """The means (samples, M) of `values` (Q, M) in draws of as many *persons*, with replacement and all queries of each.

    Queries of one person are not independent: drawing queries would make intervals about half as wide. The gallery stays as it is.
    """
    names, index = np.unique(persons, return_inverse=True)
    sums = np.stack([np.bincount(index, weights=column, minlength=len(names)) for column in values.T], axis=1)
    counts = np.bincount(index, minlength=len(names)).astype(np.float64)
    draws = np.random.Generator(np.random.PCG64(seed)).multinomial(len(names), np.full(len(names), 1 / len(names)), size=samples)
    means: np.ndarray = (draws @ sums) / (draws @ counts)[:, None]
    return means
