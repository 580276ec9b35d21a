"""One model on one gallery with its queries: what training validates by, and evaluation, transfer and the probes report.

Legend: Q queries, G gallery, K re-ranked, E common space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cada.datasets.loading import Split
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.retrieval.encoding import Engine, Gallery, encode_gallery, encode_queries
from cada.retrieval.metrics import METRICS, score_queries, summarise
from cada.retrieval.openset import FirstHits, moved_up
from cada.retrieval.ranking import Retrieved, pair_scores, rank, reorder, retrieve
from cada.retrieval.reranking import Captions, match_logits
from cada.runtime import compute, distributed
from cada.runtime.compute import autocast, upload

SORTED = 2048  # queries at a time: of 20,000 images, with their places, about a gigabyte


@dataclass(frozen=True)
class Target:
    """A split ready to be searched: uint8 images (G, 3, H, W), tokenized queries, and whose they are."""

    images: Tensor
    image_persons: np.ndarray  # (G,)
    captions: TokenizedCaptions
    caption_persons: np.ndarray  # (Q,)

    @classmethod
    def of(cls, split: Split, images: Tensor, tokenizer: Tokenizer) -> Target:
        """The split as a gallery, its images (G, 3, H, W), with its captions as queries."""
        return cls(images, split.image_persons, tokenizer(split.captions), split.caption_persons)


def read_with_image(model: Cada, captions: TokenizedCaptions) -> Captions:
    """Captions as the match encoder reads them: [ENC] is their first token."""
    ids = captions.ids.copy()
    ids[:, 0] = model.tokenizer.enc
    return Captions(ids, captions.lengths)


@dataclass(frozen=True)
class Matcher:
    """The match head on captions (Q) and images of an encoded gallery, for `cada.retrieval.ranking.rerank`."""

    model: Cada
    gallery: Gallery
    captions: TokenizedCaptions
    engine: Engine

    def __call__(self, candidates: np.ndarray) -> np.ndarray:
        """Match logits (Q, K, 2), class 1 = match, of each caption with the images `candidates` (Q, K) of the gallery.

        -1 stands for no image: its logits are 0, and nothing is computed for it.
        """
        logits = match_logits(
            self.model.text_encoder.bert,
            self.model.match_head,
            captions=read_with_image(self.model, self.captions),
            candidates=candidates,
            image_tokens=self.gallery.chunks(),
            precision=self.engine.precision,
            memory_mb=self.engine.memory_mb // 2,
        )
        return distributed.total(logits).numpy()


@dataclass(frozen=True)
class Found(Retrieved):
    """Both stages of all queries, and whose the queries and the images are."""

    query_persons: np.ndarray  # (Q,)
    gallery_persons: np.ndarray  # (G,)

    def values(self, fusion: str, weight: float | None = None) -> np.ndarray:
        """Each query's share in METRICS (Q, 5), in percent. Every process scores some, and has to call this."""
        own, values = distributed.own_rows(len(self.query_persons)), np.zeros((len(self.query_persons), len(METRICS)))
        if own.start < own.stop:
            logits = None if self.logits is None else self.logits[own]
            part = replace(self, first_stage=self.first_stage[own], cosine=self.cosine[own], logits=logits)
            ranking, persons = part.ranking(fusion, weight), self.query_persons[own]
            values[own] = score_queries(ranking, persons, self.gallery_persons, first=own.start).values()
        return distributed.total(torch.from_numpy(values)).numpy()

    def scores(self, fusion: str, weight: float | None = None) -> dict[str, float]:
        """The metrics, in percent."""
        return summarise(self.values(fusion, weight))

    def choose_weight(self, weights: Sequence[float]) -> float:
        """The weight of the cosine with the highest mAP; of equal ones the first.

        A weight moves the first K images only, so what relevant ones further behind add to the mAP is the same for all.
        """
        persons, images = np.unique(self.gallery_persons, return_counts=True)
        relevant = images[np.searchsorted(persons, self.query_persons)]  # (Q,)
        gains = []
        for weight in weights:
            found = self.gallery_persons[reorder(self.candidates, self.calibrated(weight))] == self.query_persons[:, None]  # (Q, K)
            precision = found.cumsum(axis=1) / np.arange(1, found.shape[1] + 1)
            gains.append(((precision * found).sum(axis=1) / relevant).mean())
        return weights[int(np.argmax(gains))]


@torch.inference_mode()
def ranked(queries: Tensor, features: Tensor, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (Q, G) of unit features (Q, E) and (G, E) on the CPU, and their rankings (Q, G), int32, as by `ranking.rank`.

    A GPU sorts some queries' at a time; a CPU does by `rank`, which is faster there.
    """
    if not compute.few_calls(device):
        cosine = (queries @ features.T).numpy()
        return cosine, rank(cosine)
    gallery = upload(features, device).T
    cosines, ranking = (np.empty((len(queries), len(features)), kind) for kind in (np.float32, np.int32))
    with autocast(device, "fp32"):
        for start in range(0, len(queries), SORTED):
            rows = slice(start, start + SORTED)
            scores = upload(queries[rows], device) @ gallery
            cosines[rows], ranking[rows] = scores.cpu(), scores.argsort(dim=1, descending=True, stable=True).int().cpu()
    return cosines, ranking


@dataclass(frozen=True)
class Search:
    """A gallery and queries, encoded by a model. Those of another are made by `part`, `with_captions` and `with_images`."""

    model: Cada
    engine: Engine
    gallery: Gallery
    gallery_persons: np.ndarray  # (G,)
    captions: TokenizedCaptions
    queries: Tensor  # (Q, E)
    query_persons: np.ndarray  # (Q,)
    shown: np.ndarray | None = None  # (G,) the images that are searched, where they are not all of `gallery`

    @classmethod
    def of(cls, model: Cada, target: Target, engine: Engine) -> Search:
        """Encode the images and captions of `target`."""
        gallery, queries = encode_gallery(model, target.images, engine), encode_queries(model, target.captions, engine)
        return cls(model, engine, gallery, target.image_persons, target.captions, queries, target.caption_persons)

    def found(self) -> Found:
        """Rank the gallery for each query by the cosine, and match the first K pairs where the engine has a `top_k`."""
        features = self.gallery.features if self.shown is None else self.gallery.features[torch.from_numpy(self.shown)]
        cosine, ranking = ranked(self.queries, features, self.model.device)
        stages = retrieve(cosine, None if self.engine.top_k is None else self.match, self.engine.top_k, first_stage=ranking)
        return Found(stages.first_stage, stages.cosine, stages.logits, self.query_persons, self.gallery_persons)

    def first_hits(self, found: Found, fusion: str, weight: float | None = None) -> FirstHits:
        """What each query of `found` finds first with and without its own person's images.

        Without them the next images behind the first K move up. These pairs are matched here, and no others: a query has as many as it
        has own images among its first K.
        """
        k = 1 if fusion == "cosine" else found.candidates.shape[1]
        behind = moved_up(found.first_stage, k, found.query_persons, found.gallery_persons)
        images = np.concatenate([found.first_stage[:, :k], behind], axis=1)
        scores = np.take_along_axis(found.cosine, images, axis=1)
        if found.logits is not None and fusion != "cosine":
            scores = pair_scores(scores, np.concatenate([found.logits, self.match(behind)], axis=1), fusion=fusion, weight=weight)
        return FirstHits.of(images, scores, k=k, query_persons=found.query_persons, gallery_persons=found.gallery_persons)

    def match(self, candidates: np.ndarray) -> np.ndarray:
        """Match logits (Q, K, 2) of each query with the images `candidates` (Q, K); -1 is none, and its logits are 0."""
        images = candidates if self.shown is None else np.where(candidates < 0, -1, self.shown[candidates])
        return Matcher(self.model, self.gallery, self.captions, self.engine)(images)

    def part(self, persons: Sequence[int]) -> Search:
        """The images of some persons, searched with their own captions."""
        shown, rows = (np.flatnonzero(np.isin(owners, persons)) for owners in (self.gallery_persons, self.query_persons))
        part = self._asked(self.captions.take(rows), self.queries[rows], self.query_persons[rows])
        return replace(part, shown=shown, gallery_persons=self.gallery_persons[shown])

    def with_captions(self, captions: TokenizedCaptions, persons: np.ndarray) -> Search:
        """Other captions (Q) for `persons` (Q,), in the same gallery."""
        return self._asked(captions, encode_queries(self.model, captions, self.engine), persons)

    def with_images(self, images: Tensor) -> Search:
        """The same captions in other images (G, 3, H, W) of the same persons."""
        return replace(self, gallery=encode_gallery(self.model, images, self.engine))

    def without_tokens(self) -> Search:
        """The same once no pair of it will be matched again: the room of its image tokens is free."""
        return replace(self, gallery=replace(self.gallery, tokens=None))

    def _asked(self, captions: TokenizedCaptions, queries: Tensor, persons: np.ndarray) -> Search:
        return replace(self, captions=captions, queries=queries, query_persons=persons)
