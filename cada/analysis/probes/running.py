"""A search by one model with changed captions, or in changed images; what is unchanged is computed once.

Legend: Q queries, G gallery, C changed captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cada.analysis.probes.images import ImageChange
from cada.analysis.probes.outcomes import Outcome
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import token_store
from cada.retrieval.search import Matcher, Search
from cada.synthpedes.randomness import Stream


@dataclass(frozen=True)
class Baseline:
    """A search with nothing changed and what it finds; a ranking is judged under `fusion` with `weight`.

    The gallery's tokens are kept for other captions to read.
    """

    search: Search
    fusion: str
    weight: float | None
    cosine: np.ndarray  # (Q, G)
    values: np.ndarray  # (Q, 5), each query's share in METRICS

    @classmethod
    def of(cls, search: Search, fusion: str, weight: float | None) -> Baseline:
        """Search with nothing changed."""
        found = search.found()
        return cls(search, fusion, weight, found.cosine, found.values(fusion, weight))

    def without_tokens(self) -> Baseline:
        """The same without the tokens of its images, where no caption attends to them any more: changed images need the memory."""
        return replace(self, search=self.search.without_tokens())


# --- captions ---------------------------------------------------------------------------------------------------------


def probe_captions(baseline: Baseline, changed: TokenizedCaptions, *, own: np.ndarray | None = None) -> Outcome:
    """Search with other captions (Q) for the same persons.

    A caption counts as changed when the model reads other tokens. With `own` (Q,), each caption's own image, also whether
    the true caption scores higher there than the changed one.
    """
    search, values = baseline.search, baseline.values.copy()
    differs = np.array([_ids(changed, row) != _ids(search.captions, row) for row in range(len(changed))])
    rows, wins = np.flatnonzero(differs), {}
    if len(rows):
        chosen = changed.take(rows)
        found = search.with_captions(chosen, search.query_persons[rows]).found()
        values[rows] = found.values(baseline.fusion, baseline.weight)
        if own is not None:
            for score, won in _true_wins(baseline, chosen, rows, found.cosine, own[rows]).items():
                wins[score] = np.full(len(values), np.nan)
                wins[score][rows] = won
    return Outcome(values, differs, wins)


def _ids(captions: TokenizedCaptions, row: int) -> list[int]:
    return captions.ids[row, : captions.lengths[row]].tolist()


def _true_wins(
    baseline: Baseline, changed: TokenizedCaptions, rows: np.ndarray, cosine: np.ndarray, own: np.ndarray
) -> dict[str, np.ndarray]:
    """By score, 100 where captions `rows` (C,) score higher than `changed` (C) on their `own` images (C,), 50 for a tie, else 0.

    `cosine` (C, G) are the changed captions'. Chance is a mean of 50.
    """
    wins = {"cosine": _wins(baseline.cosine[rows, own], cosine[np.arange(len(own)), own])}
    if baseline.search.engine.top_k is not None:
        true = match_scores(baseline.search, baseline.search.captions.take(rows), own)
        wins["match"] = _wins(true, match_scores(baseline.search, changed, own))
    return wins


def _wins(true: np.ndarray, changed: np.ndarray) -> np.ndarray:
    return 100.0 * ((true > changed) + 0.5 * (true == changed))


def match_scores(search: Search, captions: TokenizedCaptions, images: np.ndarray) -> np.ndarray:
    """The match logit less the mismatch logit of each caption (C) with one image of `images` (C,)."""
    logits = Matcher(search.model, search.gallery, captions, search.engine)(images[:, None])[:, 0]  # (C, 2)
    return logits[:, 1] - logits[:, 0]


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
    return Outcome(baseline.search.with_images(images).found().values(baseline.fusion, baseline.weight), None)
