"""What is searched for: sentences and images, each with a weight; one below zero says what must not be there.

Legend: E common space, K candidates, M texts among the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_PARTS = 16


@dataclass(frozen=True)
class Part:
    """A sentence, an image (its file, or what is in one) or a row of the index, and how much it counts."""

    text: str | None = None
    image: Path | bytes | None = None
    weight: float = 1.0
    row: int | None = None

    def __post_init__(self) -> None:
        if [self.text, self.image, self.row].count(None) != 2:
            raise ValueError("a part of a query is either a text or an image: a file, its bytes, or a row of the index.")
        if self.text is not None and not self.text.strip():
            raise ValueError("text: it is empty. Describe the person.")
        if not np.isfinite(self.weight) or self.weight == 0:
            raise ValueError(f"weight: {self.weight} is no weight. Positive ones ask for something, negative ones exclude it.")

    @property
    def source(self) -> str | Path | bytes | int:
        """What is searched for."""
        return next(source for source in (self.text, self.image, self.row) if source is not None)


@dataclass(frozen=True)
class Query:
    """One to MAX_PARTS parts, at least one of which asks for something."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise ValueError(f"a query has 1 to {MAX_PARTS} parts, not {len(self.parts)}.")
        if all(part.weight < 0 for part in self.parts):
            raise ValueError("all parts of the query exclude something. Say what is searched for, too.")

    @classmethod
    def of(cls, query: str | Path | Query, *, plus: Sequence[str | Path | Part] = (), minus: Sequence[str | Path | Part] = ()) -> Query:
        """A sentence (`str`) or an image file (`Path`), and what is added to it and excluded from it."""
        first = query.parts if isinstance(query, Query) else (_part(query, 1.0),)
        return cls((*first, *(_part(part, 1.0) for part in plus), *(_part(part, -1.0) for part in minus)))

    @property
    def is_sentence(self) -> bool:
        """Whether it is one sentence and nothing else: what models are trained and thresholds are measured with."""
        return len(self.parts) == 1 and self.parts[0].text is not None

    @property
    def texts(self) -> list[tuple[str, float]]:
        """The sentences with their weights."""
        return [(part.text, part.weight) for part in self.parts if part.text is not None]


def _part(part: str | Path | Part, sign: float) -> Part:
    if isinstance(part, Part):
        return part if sign > 0 else Part(part.text, part.image, -part.weight)
    return Part(image=part, weight=sign) if isinstance(part, Path) else Part(text=part, weight=sign)


def combined_features(features: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """The unit feature (E,) of a query from those of its parts (parts, E): their weighted sum. A single part stays as it is."""
    if len(features) == 1:
        return features[0]
    total = (features * np.asarray(weights, np.float32)[:, None]).sum(axis=0)
    unit: np.ndarray = total / max(float(np.linalg.norm(total)), 1e-12)
    return unit


def combined_matches(logits: np.ndarray, weights: Sequence[float], *, fusion: str) -> np.ndarray:
    """What the match logits (M, K, 2) of a query's texts add to a candidate's score: (K,).

    `calibrated`: the log-probability that what is asked for matches and what is excluded does not, each times its weight, as
    if they were independent. `published`: the weighted sum of the logits of a match.
    """
    if fusion == "published":
        weighted: np.ndarray = np.tensordot(np.asarray(weights, np.float32), logits[..., 1], axes=1)
        return weighted
    log_probability = logits - np.logaddexp(logits[..., 0], logits[..., 1])[..., None]  # (M, K, 2)
    share = [weight * found[:, 1] if weight > 0 else -weight * found[:, 0] for weight, found in zip(weights, log_probability, strict=True)]
    total: np.ndarray = np.stack(share).sum(axis=0)
    return total
