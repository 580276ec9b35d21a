"""A search by one model with changed captions, or in changed images; what is unchanged is computed once.

Legend: Q queries, G gallery, C changed captions, E common space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cada.analysis.probes.images import ImageChange
from cada.analysis.probes.outcomes import Outcome
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import Gallery, encode_gallery, encode_queries, token_store
from cada.retrieval.evaluation import Engine, Retrieved, Target, encode, query_values, retrieve
from cada.retrieval.reranking import Captions, match_logits
from cada.runtime import distributed
from cada.synthpedes.randomness import Stream


@dataclass(frozen=True)
class Baseline:
    """A model and what it finds with nothing changed; a ranking is judged under `fusion` with `weight`."""

    model: Cada
    target: Target
    engine: Engine
    fusion: str
    weight: float | None
    gallery: Gallery
    queries: Tensor  # (Q, E)
    cosine: np.ndarray  # (Q, G)
    values: np.ndarray  # (Q, 5), each query's share in METRICS


def search_unchanged(model: Cada, target: Target, *, engine: Engine, fusion: str, weight: float | None) -> Baseline:
    """Search with nothing changed; the gallery's tokens are kept, since other captions attend to them."""
    gallery, queries = encode(model, target, engine)
    retrieved = retrieve(model, gallery, queries, target.captions, engine)
    values = query_values(retrieved, target.caption_persons, target.image_persons, fusion, weight)
    return Baseline(model, target, engine, fusion, weight, gallery, queries, retrieved.cosine, values)


# --- captions ---------------------------------------------------------------------------------------------------------


def probe_captions(baseline: Baseline, changed: TokenizedCaptions, *, own: np.ndarray | None = None) -> Outcome:
    """Search with other captions (Q) for the same persons.

    A caption counts as changed when the model reads other tokens. With `own` (Q,), each caption's own image, also whether
    the true caption scores higher there than the changed one.
    """
    target, values = baseline.target, baseline.values.copy()
    differs = np.array([_ids(changed, row) != _ids(target.captions, row) for row in range(len(changed))])
    rows, wins = np.flatnonzero(differs), {}
    if len(rows):
        chosen, how = changed.take(rows), baseline.engine
        queries = encode_queries(baseline.model, chosen, batch_size=how.batch_size, device=how.device, precision=how.precision)
        retrieved = retrieve(baseline.model, baseline.gallery, queries, chosen, how)
        values[rows] = _values(baseline, retrieved, target.caption_persons[rows])
        if own is not None:
            for score, found in _true_wins(baseline, chosen, rows, retrieved.cosine, own[rows]).items():
                wins[score] = np.full(len(values), np.nan)
                wins[score][rows] = found
    return Outcome(values, differs, wins)


def _ids(captions: TokenizedCaptions, row: int) -> list[int]:
    return captions.ids[row, : captions.lengths[row]].tolist()


def _values(baseline: Baseline, retrieved: Retrieved, persons: np.ndarray) -> np.ndarray:
    return query_values(retrieved, persons, baseline.target.image_persons, baseline.fusion, baseline.weight)


def _true_wins(
    baseline: Baseline, changed: TokenizedCaptions, rows: np.ndarray, cosine: np.ndarray, own: np.ndarray
) -> dict[str, np.ndarray]:
    """By score, 100 where captions `rows` (C,) score higher than `changed` (C) on their `own` images (C,), 50 for a tie, else 0.

    `cosine` (C, G) are the changed captions'. Chance is a mean of 50.
    """
    wins = {"cosine": _wins(baseline.cosine[rows, own], cosine[np.arange(len(own)), own])}
    if baseline.engine.top_k is not None:
        true = match_scores(baseline, baseline.target.captions.take(rows), own)
        wins["match"] = _wins(true, match_scores(baseline, changed, own))
    return wins


def _wins(true: np.ndarray, changed: np.ndarray) -> np.ndarray:
    return 100.0 * ((true > changed) + 0.5 * (true == changed))


def match_scores(baseline: Baseline, captions: TokenizedCaptions, images: np.ndarray) -> np.ndarray:
    """The match logit less the mismatch logit of each caption (C) with one image of `images` (C,)."""
    engine = baseline.engine
    ids = captions.ids.copy()
    ids[:, 0] = baseline.model.tokenizer.enc
    logits = match_logits(
        baseline.model.text_encoder.bert,
        baseline.model.match_head,
        captions=Captions(ids, captions.lengths),
        candidates=images[:, None],
        image_tokens=baseline.gallery.chunks(),
        device=engine.device,
        precision=engine.precision,
        memory_mb=engine.memory_mb // 2,
    )
    logits = distributed.total(logits)[:, 0]  # (C, 2)
    return (logits[:, 1] - logits[:, 0]).numpy()


def without_tokens(baseline: Baseline) -> Baseline:
    """The same without the tokens of its images, where no caption attends to them any more: changed images need the memory."""
    return replace(baseline, gallery=replace(baseline.gallery, tokens=None))


# --- images -----------------------------------------------------------------------------------------------------------


def change_images(
    images: Tensor, names: Sequence[str], change: ImageChange, *, seed: int, kind: str, batch_size: int, memory_mb: int
) -> Tensor:
    """All images (G, 3, H, W) changed, in memory up to `memory_mb`, else in a temporary file.

    The change of an image depends on the seed, the kind and its name.
    """
    changed = token_store(tuple(images.shape), torch.uint8, device=torch.device("cpu"), memory_mb=memory_mb)
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        changed[rows] = change(images[rows], [Stream(seed, kind, name) for name in names[rows]])
    return changed


def probe_images(baseline: Baseline, images: Tensor) -> Outcome:
    """Search with the same captions in other images (G, 3, H, W) of the same persons."""
    engine = baseline.engine
    gallery = encode_gallery(
        baseline.model,
        images,
        batch_size=engine.batch_size,
        device=engine.device,
        precision=engine.precision,
        keep_tokens=engine.top_k is not None,
        memory_mb=engine.memory_mb // 2,
    )
    retrieved = retrieve(baseline.model, gallery, baseline.queries, baseline.target.captions, engine)
    return Outcome(_values(baseline, retrieved, baseline.target.caption_persons), None)
