"""What one trained model is worth on a test split: the metrics file and the rankings kept for pictures.

Legend: Q queries, G gallery, K re-ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cada.datasets.loading import Split
from cada.datasets.records import gallery_parts
from cada.model.cada import Cada
from cada.retrieval.encoding import Gallery
from cada.retrieval.evaluation import Engine, Retrieved, Target, choose_weight, encode, query_values, retrieve
from cada.retrieval.metrics import METRICS, bootstrap_intervals, score_queries, summarise

KEPT = 20  # pictures of each ranking that are kept


def evaluate_model(
    model: Cada,
    val: Target,
    test: Target,
    *,
    engine: Engine,
    headline: str,
    fusion_weights: Sequence[float],
    parts: int,
    bootstrap: int,
    bootstrap_seed: int = 0,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`score_model` with the weight of the calibrated fusion that val chooses; test is read once."""
    weight = None if engine.top_k is None else weight_on(val, model, engine=engine, weights=fusion_weights)
    return score_model(
        model, test, engine=engine, headline=headline, weight=weight, parts=parts, bootstrap=bootstrap, bootstrap_seed=bootstrap_seed
    )


def score_model(
    model: Cada,
    test: Target,
    *,
    engine: Engine,
    headline: str,
    weight: float | None,
    parts: int,
    bootstrap: int,
    bootstrap_seed: int = 0,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Metrics of every fusion on the full gallery and on its fixed parts, and the rankings (Q, G) of the headline and of the cosine.

    A model that re-ranks also has `scores_at_k`, the headline's metrics had it re-ranked fewer pictures.
    """
    gallery, queries = encode(model, test, engine)
    whole = retrieve(model, gallery, queries, test.captions, engine)
    values = {fusion: query_values(whole, test.caption_persons, test.image_persons, fusion, weight) for fusion in whole.fusions}
    metrics = {
        "queries": len(test.caption_persons),
        "gallery": len(test.image_persons),
        "persons": len(np.unique(test.image_persons)),
        "top_k": engine.top_k,
        "headline": headline,
        "fusion_weight": weight,
        "scores": {fusion: summarise(array) for fusion, array in values.items()},
        "intervals": {
            fusion: bootstrap_intervals(array, test.caption_persons, samples=bootstrap, seed=bootstrap_seed)
            for fusion, array in values.items()
        },
    }
    if whole.logits is not None:
        metrics["scores_at_k"] = scores_at_k(whole, test, fusion=headline, weight=weight)
    if parts > 1:
        metrics |= {"part_count": parts, "parts": part_scores(model, gallery, queries, test, engine=engine, weight=weight, parts=parts)}
    return metrics, {fusion: whole.ranking(fusion, weight) for fusion in (headline, "cosine")}


def weight_on(val: Target, model: Cada, *, engine: Engine, weights: Sequence[float]) -> float:
    """The cosine's weight that val chooses; val's rankings, gigabytes for a large set, are gone when test is searched."""
    retrieved = retrieve(model, *encode(model, val, engine), val.captions, engine)
    return choose_weight(retrieved, val.caption_persons, val.image_persons, weights)


def scores_at_k(retrieved: Retrieved, test: Target, *, fusion: str, weight: float | None) -> dict[str, dict[str, float]]:
    """The fusion's metrics had the first k = 1, 2, 4, ... up to all K candidates been re-ranked, by k.

    The match logits are there, so no model is asked again. `weight` is the one chosen at K for every k. Under the calibrated
    fusion k = 1 is the cosine exactly; the published one rounds the cosines behind the candidates, which can make ties of them.
    """
    most = retrieved.candidates.shape[1]
    chosen = [k for k in (1 << power for power in range(most.bit_length())) if k < most] + [most]
    return {str(k): summarise(query_values(retrieved.within(k), test.caption_persons, test.image_persons, fusion, weight)) for k in chosen}


def part_scores(
    model: Cada, gallery: Gallery, queries: Any, test: Target, *, engine: Engine, weight: float | None, parts: int
) -> dict[str, dict[str, float]]:
    """Each fusion's metrics as a mean over fixed smaller galleries, searched with their own persons' captions."""
    sums: dict[str, list[dict[str, float]]] = {}
    for persons in gallery_parts(test.image_persons.tolist(), parts):
        images = np.flatnonzero(np.isin(test.image_persons, list(persons)))
        rows = np.flatnonzero(np.isin(test.caption_persons, list(persons)))
        captions = test.captions.take(rows)
        retrieved = retrieve(model, gallery, queries[rows], captions, engine, images=images)
        for fusion in retrieved.fusions:
            found = query_values(retrieved, test.caption_persons[rows], test.image_persons[images], fusion, weight)
            sums.setdefault(fusion, []).append(summarise(found))
    return {fusion: {name: float(np.mean([row[name] for row in rows])) for name in METRICS} for fusion, rows in sums.items()}


def rankings_table(rankings: Mapping[str, np.ndarray], split: Split, *, headline: str) -> pd.DataFrame:
    """One row per query: its own picture, how well it was ranked, and what the headline's ranking found first.

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
