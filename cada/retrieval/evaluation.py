"""One model on one split: rankings under each fusion, and their metrics.

Legend: Q queries, G gallery, K re-ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cada.data.loading import Split
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.retrieval.encoding import Gallery, encode_gallery, encode_queries
from cada.retrieval.metrics import METRICS, score_queries
from cada.retrieval.ranking import fuse, match_logits, rank, rerank


@dataclass(frozen=True)
class Target:
    """A split ready to be searched: uint8 pictures (G, 3, H, W), tokenized queries, and whose they are."""

    images: torch.Tensor
    image_persons: np.ndarray  # (G,)
    captions: TokenizedCaptions
    caption_persons: np.ndarray  # (Q,)


def target_of(split: Split, images: torch.Tensor, tokenizer: Tokenizer) -> Target:
    """The split as a gallery, its pictures (G, 3, H, W), with its captions as queries."""
    return Target(images, split.image_persons, tokenizer(split.captions), split.caption_persons)


@dataclass(frozen=True)
class Engine:
    """How retrieval runs: `top_k` = None stops at the cosine; `padded_to` = None pads to the batch."""

    enc: int
    top_k: int | None
    padded_to: int | None
    batch_size: int
    device: torch.device


@dataclass(frozen=True)
class Retrieved:
    """Both stages of all queries: enough to rank under any fusion."""

    first_stage: np.ndarray  # (Q, G) gallery indices by cosine
    cosine: np.ndarray | None  # (Q, K)
    logits: np.ndarray | None  # (Q, K, 2)

    def ranking(self, fusion: str, weight: float | None = None) -> np.ndarray:
        """Gallery indices (Q, G) under `cosine`, `published` or `calibrated`."""
        if fusion == "cosine":
            return self.first_stage
        assert self.logits is not None and self.cosine is not None, "this model was not asked to re-rank"
        return rerank(self.first_stage, fuse(self.logits, self.cosine, how=fusion, weight=weight))  # type: ignore[arg-type]

    @property
    def fusions(self) -> tuple[str, ...]:
        """The fusions that can be reported."""
        return ("cosine",) if self.logits is None else ("cosine", "calibrated", "published")


def encode(model: Cada, target: Target, engine: Engine) -> tuple[Gallery, torch.Tensor]:
    """The gallery and the queries' features (Q, E)."""
    gallery = encode_gallery(model, target.images, batch_size=engine.batch_size, device=engine.device)
    queries = encode_queries(model, target.captions, batch_size=engine.batch_size, padded_to=engine.padded_to, device=engine.device)
    return gallery, queries


def retrieve(model: Cada, gallery: Gallery, queries: torch.Tensor, captions: TokenizedCaptions, engine: Engine) -> Retrieved:
    """Rank the gallery for each query feature (Q, E), and match the first K pairs."""
    cosine = (queries @ gallery.features.T).numpy()
    first_stage = rank(cosine)
    if engine.top_k is None:
        return Retrieved(first_stage, None, None)
    candidates = first_stage[:, : engine.top_k]
    logits = match_logits(
        model,
        captions,
        gallery.tokens,
        candidates,
        enc=engine.enc,
        batch_size=engine.batch_size,
        padded_to=engine.padded_to,
        device=engine.device,
    )
    return Retrieved(first_stage, np.take_along_axis(cosine, candidates, axis=1), logits)


def query_values(
    retrieved: Retrieved, target_persons: np.ndarray, gallery_persons: np.ndarray, fusion: str, weight: float | None
) -> np.ndarray:
    """Each query's share in METRICS (Q, 5), in percent."""
    return score_queries(retrieved.ranking(fusion, weight), target_persons, gallery_persons).values()


def choose_weight(retrieved: Retrieved, query_persons: np.ndarray, gallery_persons: np.ndarray, weights: Sequence[float]) -> float:
    """The weight of the cosine with the highest mAP; of equal ones the first."""
    column = METRICS.index("mAP")
    scores = [query_values(retrieved, query_persons, gallery_persons, "calibrated", weight)[:, column].mean() for weight in weights]
    return weights[int(np.argmax(scores))]
