"""A search by one model with changed captions, or in changed images; what is unchanged is computed once.

Legend: Q queries, G gallery, P pairs of a caption and an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cada.analysis.probes.images import ImageChange
from cada.analysis.probes.outcomes import Outcome, PairScores
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import token_store
from cada.retrieval.search import Search
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

    A caption counts as changed when the model reads other tokens. With `own` (Q,), each caption's own image, also the scores there of
    the changed captions and of the true ones.
    """
    search, values = baseline.search, baseline.values.copy()
    differs = np.array([_ids(changed, row) != _ids(search.captions, row) for row in range(len(changed))])
    rows, pairs = np.flatnonzero(differs), {}
    if len(rows):
        anew = search.with_captions(changed.take(rows), search.query_persons[rows])
        values[rows] = anew.found().values(baseline.fusion, baseline.weight)
        if own is not None:
            true, false = pair_scores(search, rows, own[rows]), pair_scores(anew, np.arange(len(rows)), own[rows])
            pairs = {score: np.stack([true[score], false[score]], axis=1) for score in true}
    return Outcome(values, differs, pairs)


def _ids(captions: TokenizedCaptions, row: int) -> list[int]:
    return captions.ids[row, : captions.lengths[row]].tolist()


def pair_scores(search: Search, captions: np.ndarray, images: np.ndarray) -> PairScores:
    """The scores of captions (P,) with images (P,), each (P,), both by their numbers in `search`.

    The match score is the match logit less the mismatch logit; a search that stops at the cosine has none.
    """
    scores = {"cosine": (search.queries[captions] * search.gallery.features[images]).sum(dim=1).numpy()}
    if search.engine.top_k is not None:
        logits = replace(search, captions=search.captions.take(captions)).match(images[:, None])[:, 0]  # (P, 2)
        scores["match"] = logits[:, 1] - logits[:, 0]
    return scores


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
