"""One model on one split: rankings under each fusion, and their metrics.

Legend: Q queries, G gallery, K re-ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from cada.config.steps import Precision
from cada.datasets.loading import Split
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.retrieval.encoding import Gallery, encode_gallery, encode_queries
from cada.retrieval.feature_cache import FeatureCache
from cada.retrieval.metrics import score_queries
from cada.retrieval.ranking import calibrated_scores, published_scores, rank, rerank
from cada.retrieval.reranking import Captions, match_logits
from cada.runtime import distributed


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
    """How retrieval runs; `top_k` = None stops at the cosine.

    `memory_mb` bounds, beside the pictures of a batch and the rankings, what grows with galleries and queries: half for
    image tokens (more go to the disk), half for the second stage. `cache` keeps the features of finished models.
    """

    top_k: int | None
    batch_size: int
    device: torch.device
    precision: Precision = "fp32"
    memory_mb: int = 2048
    cache: FeatureCache | None = None


@dataclass(frozen=True)
class Retrieved:
    """Both stages of all queries: enough to rank under any fusion."""

    first_stage: np.ndarray  # (Q, G) gallery indices by cosine
    cosine: np.ndarray  # (Q, G)
    logits: np.ndarray | None  # (Q, K, 2)

    @property
    def candidates(self) -> np.ndarray:
        """The gallery indices that were matched (Q, K)."""
        assert self.logits is not None, "this model was not asked to re-rank"
        return self.first_stage[:, : self.logits.shape[1]]

    def ranking(self, fusion: str, weight: float | None = None) -> np.ndarray:
        """Gallery indices (Q, G) under `cosine`, `published` or `calibrated`; the last needs the `weight` of the cosine."""
        if fusion == "cosine":
            return self.first_stage
        assert self.logits is not None
        if fusion == "published":
            return rank(published_scores(self.cosine, self.candidates, self.logits))
        assert weight is not None
        return rerank(self.first_stage, self.calibrated(weight))

    def calibrated(self, weight: float) -> np.ndarray:
        """The candidates' scores (Q, K) under the calibrated fusion with `weight` of the cosine."""
        assert self.logits is not None
        near = np.take_along_axis(self.cosine, self.candidates, axis=1)
        return calibrated_scores(near, self.logits, weight=weight)

    def within(self, k: int) -> Retrieved:
        """The same search, had it matched the first `k` <= K pictures of each query alone."""
        assert self.logits is not None
        return replace(self, logits=self.logits[:, :k])

    @property
    def fusions(self) -> tuple[str, ...]:
        """The fusions that can be reported."""
        return ("cosine",) if self.logits is None else ("cosine", "calibrated", "published")


def encode(model: Cada, target: Target, engine: Engine) -> tuple[Gallery, torch.Tensor]:
    """The gallery and the queries' features (Q, E), from the cache where there is one and no image tokens are wanted."""
    how: dict[str, Any] = {"batch_size": engine.batch_size, "device": engine.device, "precision": engine.precision}

    def gallery() -> Gallery:
        return encode_gallery(model, target.images, keep_tokens=engine.top_k is not None, memory_mb=engine.memory_mb // 2, **how)

    def queries() -> torch.Tensor:
        return encode_queries(model, target.captions, **how)

    if engine.cache is None:
        return gallery(), queries()
    captions = engine.cache.features((target.captions.ids, target.captions.lengths), queries)
    if engine.top_k is not None:
        return gallery(), captions
    return Gallery(engine.cache.features((target.images.numpy(),), lambda: gallery().features), None, engine.batch_size), captions


def retrieve(
    model: Cada, gallery: Gallery, queries: torch.Tensor, captions: TokenizedCaptions, engine: Engine, *, images: np.ndarray | None = None
) -> Retrieved:
    """Rank the gallery, or only its pictures `images` (G,), for each query feature (Q, E), and match the first K pairs.

    Indices in the result are those of `images`.
    """
    images = np.arange(len(gallery.features)) if images is None else images
    cosine = (queries @ gallery.features[torch.from_numpy(images)].T).numpy()
    first_stage = rank(cosine)
    if engine.top_k is None:
        return Retrieved(first_stage, cosine, None)
    ids = captions.ids.copy()
    ids[:, 0] = model.tokenizer.enc
    logits = match_logits(
        model.text_encoder.bert,
        model.match_head,
        captions=Captions(ids, captions.lengths),
        candidates=images[first_stage[:, : engine.top_k]],
        image_tokens=gallery.chunks(),
        device=engine.device,
        precision=engine.precision,
        memory_mb=engine.memory_mb // 2,
    )
    return Retrieved(first_stage, cosine, distributed.total(logits).numpy())


def query_values(
    retrieved: Retrieved, target_persons: np.ndarray, gallery_persons: np.ndarray, fusion: str, weight: float | None
) -> np.ndarray:
    """Each query's share in METRICS (Q, 5), in percent."""
    return score_queries(retrieved.ranking(fusion, weight), target_persons, gallery_persons).values()


def choose_weight(retrieved: Retrieved, query_persons: np.ndarray, gallery_persons: np.ndarray, weights: Sequence[float]) -> float:
    """The weight of the cosine with the highest mAP; of equal ones the first.

    A weight moves the first K pictures only, so what relevant ones further behind add to the mAP is the same for all.
    """
    persons, pictures = np.unique(gallery_persons, return_counts=True)
    relevant = pictures[np.searchsorted(persons, query_persons)]  # (Q,)
    gains = []
    for weight in weights:
        found = gallery_persons[rerank(retrieved.candidates, retrieved.calibrated(weight))] == query_persons[:, None]  # (Q, K)
        precision = found.cumsum(axis=1) / np.arange(1, found.shape[1] + 1)
        gains.append(((precision * found).sum(axis=1) / relevant).mean())
    return weights[int(np.argmax(gains))]
