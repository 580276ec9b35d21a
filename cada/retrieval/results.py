"""What one trained model is worth on a test split: the metrics file and the rankings kept for images.

Legend: Q queries, G gallery, K re-ranked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cada.datasets.loading import Split
from cada.datasets.records import gallery_parts
from cada.retrieval.metrics import METRICS, bootstrap_intervals, score_queries, summarise
from cada.retrieval.openset import ValSearches, open_set_metrics
from cada.retrieval.search import Found, Search

KEPT = 20  # images of each ranking that are kept


@dataclass(frozen=True)
class Scoring:
    """What is reported of a search: under which fusions, on how many fixed parts of the gallery, and how intervals are drawn.

    val: what it says of persons who are not there; None where no other split may set thresholds for the one that is searched.
    """

    headline: str  # the fusion of the reported ranking
    weight: float | None  # of the cosine in the calibrated fusion, which val chooses
    parts: int
    bootstrap: int
    val: ValSearches | None
    bootstrap_seed: int = 0


def score_model(search: Search, scoring: Scoring) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Metrics of every fusion on the full gallery and on its fixed parts, and the rankings (Q, G) of the headline and of the cosine.

    A model that re-ranks also has `scores_at_k`, the headline's metrics had it re-ranked fewer images. `open_set` is what the headline's
    first hits say of persons who are not in the gallery, None without `scoring.val`.
    """
    found, headline, weight = search.found(), scoring.headline, scoring.weight
    values = {fusion: found.values(fusion, weight) for fusion in found.fusions}
    draws: dict[str, int] = {"samples": scoring.bootstrap, "seed": scoring.bootstrap_seed}
    metrics: dict[str, Any] = {
        "queries": len(found.query_persons),
        "gallery": len(found.gallery_persons),
        "persons": len(np.unique(found.gallery_persons)),
        "top_k": search.engine.top_k,
        "headline": headline,
        "fusion_weight": weight,
        "scores": {fusion: summarise(array) for fusion, array in values.items()},
        "intervals": {fusion: bootstrap_intervals(array, found.query_persons, **draws) for fusion, array in values.items()},
    }
    if found.logits is not None:
        metrics["scores_at_k"] = scores_at_k(found, fusion=headline, weight=weight)
    if scoring.parts > 1:
        metrics |= {"part_count": scoring.parts, "parts": part_scores(search, weight=weight, parts=scoring.parts)}
    metrics["open_set"] = scoring.val and open_set_metrics(scoring.val, search.first_hits(found, headline, weight), **draws)
    return metrics, {fusion: found.ranking(fusion, weight) for fusion in (headline, "cosine")}


def scores_at_k(found: Found, *, fusion: str, weight: float | None) -> dict[str, dict[str, float]]:
    """The fusion's metrics had the first k = 1, 2, 4, ... up to all K candidates been re-ranked, by k.

    The match logits are there, so no model is asked again. `weight` is the one chosen at K for every k. Under the calibrated
    fusion k = 1 is the cosine exactly; the published one rounds the cosines behind the candidates, which can make ties of them.
    """
    most = found.candidates.shape[1]
    chosen = [k for k in (1 << power for power in range(most.bit_length())) if k < most] + [most]
    return {str(k): found.within(k).scores(fusion, weight) for k in chosen}


def part_scores(search: Search, *, weight: float | None, parts: int) -> dict[str, dict[str, float]]:
    """Each fusion's metrics as a mean over fixed smaller galleries, searched with their own persons' captions."""
    sums: dict[str, list[dict[str, float]]] = {}
    for persons in gallery_parts(search.gallery_persons.tolist(), parts):
        found = search.part(list(persons)).found()
        for fusion in found.fusions:
            sums.setdefault(fusion, []).append(found.scores(fusion, weight))
    return {fusion: {name: float(np.mean([row[name] for row in rows])) for name in METRICS} for fusion, rows in sums.items()}


def rankings_table(rankings: Mapping[str, np.ndarray], split: Split, *, headline: str) -> pd.DataFrame:
    """One row per query: its own image, how well it was ranked, and what the headline's ranking found first.

    `first_rank`, `average_precision` and `inverse_penalty` are the headline's. The same names behind `cosine_` are the
    cosine's, so that variants which re-rank and variants which do not can be compared query by query.
    """
    names = np.array(split.image_names, dtype=object)
    columns = {
        "image": names[split.caption_image],
        "caption": split.caption_number.astype(np.int32),
        "person": split.caption_persons.astype(np.int64),
    }
    for prefix, fusion in (("", headline), ("cosine_", "cosine")):
        scores = score_queries(rankings[fusion], split.caption_persons, split.image_persons)
        columns |= {
            f"{prefix}first_rank": scores.first.astype(np.int32),
            f"{prefix}average_precision": scores.average_precision,
            f"{prefix}inverse_penalty": scores.inverse_penalty,
        }
    return pd.DataFrame(columns | {"top": [list(row) for row in names[rankings[headline][:, :KEPT]]]})
