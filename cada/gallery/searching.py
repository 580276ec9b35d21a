"""One search: the cosine over all images, the match of the first K, and what is said of each hit.

Scores are those of evaluation (`cada.retrieval.ranking`): the same release gives the same order wherever it is asked.
Legend: N rows, R of them searched, M candidates, K of them matched, T texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cada.gallery.approximate import Approximate
from cada.gallery.backend import Backend
from cada.gallery.entries import Entry
from cada.gallery.features import Features
from cada.gallery.query import Query, combined_features, combined_matches
from cada.gallery.release import Release
from cada.retrieval.openset import threshold

TokenReader = Callable[[np.ndarray], np.ndarray]  # rows (n,) to their image tokens (n, S, I)
CHUNK = 128  # images whose tokens are in memory at a time
CONFIDENT, POSSIBLE, UNLIKELY = "confident", "possible", "unlikely"
FALSE_ALARMS = 0.01  # the share of searches for persons who are not there whose first hit is said to be confident


@dataclass(frozen=True)
class Hit:
    """An image that was found.

    cosine: of query and image. match: the probability, as the match head says it, that the image shows what is asked for and not what
    is excluded; None where it was not re-ranked. score: what hits are ordered by; scores of images that were re-ranked and of others do not
    compare. confidence: confident, possible or unlikely; None where no threshold is known. phrases: the match of each phrase of the query
    alone. copies: other paths of the same image.
    """

    path: str
    row: int
    box: str
    time: float
    cosine: float
    match: float | None
    score: float
    confidence: str | None = None
    phrases: Mapping[str, float] = field(default_factory=dict)
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranked:
    """The first M rows of one query, best first, with their cosines and scores (M,), and the matches (K,) of the first K."""

    rows: np.ndarray
    cosines: np.ndarray
    scores: np.ndarray
    matches: np.ndarray


@dataclass(frozen=True)
class Gallery:
    """What is searched: features of all rows, the rows (R,) that may be found, and the tokens of any."""

    backend: Backend
    release: Release
    features: Features
    rows: np.ndarray
    tokens: TokenReader
    near: Approximate | None = None

    def rank(self, queries: Sequence[Query], features: Sequence[np.ndarray], *, k: int, rerank: int) -> list[Ranked]:
        """The first `k` images of each query, whose parts have the unit `features` (parts, E), the first `rerank` of them matched."""
        firsts = [
            self._first(combined_features(own, [part.weight for part in query.parts]), max(k, rerank))
            for query, own in zip(queries, features, strict=True)
        ]
        matched = min(rerank, len(self.rows))
        logits = self._matches(queries, [rows[:matched] for rows, _ in firsts])
        return [self._fused(query, *first, own, k) for query, first, own in zip(queries, firsts, logits, strict=True)]

    def match(self, texts: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Match logits (T, K, 2) of texts with rows (T, K)."""
        wanted, candidates = np.unique(rows, return_inverse=True)
        chunks = ((start, self.tokens(wanted[start : start + CHUNK])) for start in range(0, len(wanted), CHUNK))
        return self.backend.match(texts, candidates.reshape(rows.shape), chunks)

    def confidences(self, query: Query, ranked: Ranked) -> list[str | None]:
        """How sure each hit is: known for one sentence that is searched as val was, in a gallery whose size the thresholds reach."""
        limits, release = self.thresholds(), self.release
        if limits is None or not query.is_sentence or (release.fusion != "cosine" and not len(ranked.matches)):
            return [None] * len(ranked.rows)
        compared = len(ranked.rows) if release.fusion == "cosine" else len(ranked.matches)
        named = [next((name for name, limit in limits.items() if score >= limit), UNLIKELY) for score in ranked.scores[:compared].tolist()]
        return [*named, *[UNLIKELY] * (len(ranked.rows) - compared)]

    def thresholds(self) -> dict[str, float] | None:
        """The lowest score of a hit of each confidence in a gallery of this size, best first; None where val says too little of it."""
        known, images = self.release.open_set, len(self.rows)
        if known is None or not images:
            return None
        even = known.even(images)
        sure = threshold(known.nonmated, FALSE_ALARMS, gallery=images, of=known.gallery, growth=known.growth)
        return None if even is None or sure is None else {CONFIDENT: max(sure, even), POSSIBLE: even}

    def _first(self, query: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The `count` rows with the highest cosine, and these; of equal ones the row that was added first."""
        rows = self.rows if self.near is None else self.near.first(query, self.rows, count)
        scores = self.features.scores(query, rows)
        near = np.arange(len(scores))
        if len(scores) > count:
            near = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
        order = near[np.argsort(-scores[near], kind="stable")[:count]]
        return rows[order], scores[order]

    def _matches(self, queries: Sequence[Query], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The match logits (T, K, 2) of each query's texts with its candidates (K,)."""
        texts = [text for query in queries for text, _ in query.texts]
        if not texts or not rows[0].size:
            return [np.empty((0, 0, 2), np.float32)] * len(queries)
        counts = [len(query.texts) for query in queries]
        logits = self.match(texts, np.repeat(np.stack(rows), counts, axis=0))
        return np.split(logits, np.cumsum(counts)[:-1])

    def _fused(self, query: Query, rows: np.ndarray, cosines: np.ndarray, logits: np.ndarray, k: int) -> Ranked:
        if not logits.size:
            return Ranked(rows[:k], cosines[:k], cosines[:k], np.empty(0, np.float32))
        weights = [weight for _, weight in query.texts]
        matched = logits.shape[1]
        near, release = cosines[:matched], self.release
        scale = 1.0 if release.weight is None else release.weight
        fused = combined_matches(logits, weights, fusion=release.fusion) + scale * near
        first = np.lexsort((rows[:matched], -fused))  # of equal scores the row that was added first, as everywhere
        order = np.concatenate([first, np.arange(matched, len(rows))])[:k]
        matches = np.exp(combined_matches(logits, np.sign(weights).tolist(), fusion="calibrated"))
        return Ranked(rows[order], cosines[order], np.concatenate([fused, cosines[matched:]])[order], matches[first][:k])


def as_hits(ranked: Ranked, images: Mapping[int, Sequence[Entry]], confidences: Sequence[str | None]) -> list[Hit]:
    """Hits of a ranking; a row whose image was removed meanwhile is left out."""
    hits = []
    for place, row in enumerate(ranked.rows.tolist()):
        if not images[row]:
            continue
        first, *others = images[row]
        match = float(ranked.matches[place]) if place < len(ranked.matches) else None
        scores = float(ranked.cosines[place]), match, float(ranked.scores[place])
        hits.append(Hit(first.path, row, first.box, first.time, *scores, confidences[place], copies=tuple(other.path for other in others)))
    return hits


def with_phrases(query: Query, hits: list[Hit], gallery: Gallery) -> list[Hit]:
    """The hits with the match of each phrase of the query's sentences alone."""
    from cada.phrases.chunking import parse

    texts = list(dict.fromkeys(phrase.text for text, _ in query.texts for phrase in parse(text)))
    if not texts or not hits:
        return hits
    logits = gallery.match(texts, np.tile([hit.row for hit in hits], (len(texts), 1)))
    matches = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))  # (T, K)
    return [replace(hit, phrases=dict(zip(texts, own, strict=True))) for hit, own in zip(hits, matches.T.tolist(), strict=True)]
