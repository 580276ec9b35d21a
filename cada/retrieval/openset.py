"""Is the person there at all? Open-set identification as biometrics measures it (ISO/IEC 19795-1).

Each query is searched twice: mated, in the gallery as it is, and non-mated, without any image of its own person. A search's score is
that of its first hit. A threshold is judged by the share of non-mated searches that reach it (FPIR, false-positive identification
rate), and by the share of mated ones that reach it with the right person (TPIR, true-positive identification rate, at rank 1).
Legend: Q queries, G gallery, K re-ranked, M images that move up into the first K.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cada.datasets.records import gallery_parts
from cada.retrieval.calibration import Logistic, reliability
from cada.retrieval.metrics import bootstrap_ends

RATES = (1, 5, 10)  # FPIR in percent
SHARES = 100 * 10 ** np.linspace(-3, 0, 31)  # FPIR in percent, ten to a decade, where the trade-off is reported
RESOLVED = 10  # searches above a threshold, below which its rate is not known
GROWTH_AT = 0.2  # the FPIR at which its growth is measured: enough searches to count, near the rates of interest


def moved_up(first_stage: np.ndarray, k: int, query_persons: np.ndarray, gallery_persons: np.ndarray) -> np.ndarray:
    """The images (Q, M) that a search without the person's own finds among its first `k` instead of these, by rankings (Q, G).

    A query with o own images among its first k has the next o of others, and -1 in the other places. M is the highest o, or 1: never
    above k, however many images a person has.
    """
    k = min(k, first_stage.shape[1])
    most = np.unique(gallery_persons, return_counts=True)[1].max()
    head = first_stage[:, : k + most]
    own = gallery_persons[head] == query_persons[:, None]
    others = np.take_along_axis(head, np.argsort(own, axis=1, kind="stable"), axis=1)[:, :k]
    missing = own[:, :k].sum(axis=1)  # (Q,)
    place = np.arange(others.shape[1])
    new = (place >= k - missing[:, None]) & (place < (~own).sum(axis=1)[:, None])  # a small gallery has fewer than k others
    return np.where(new, others, -1)[:, k - missing.max(initial=1) :]


@dataclass(frozen=True)
class FirstHits:
    """The first hits of Q queries, each searched twice; every array is (Q,). gallery: images of a non-mated search, on average."""

    persons: np.ndarray
    mated: np.ndarray  # score
    right: np.ndarray  # whether the mated search's first hit is of the query's person
    nonmated: np.ndarray  # score
    nonmated_half: np.ndarray  # score in the half of the gallery whose persons are next to the query's, of the images matched
    gallery: int

    @classmethod
    def of(cls, images: np.ndarray, scores: np.ndarray, *, k: int, query_persons: np.ndarray, gallery_persons: np.ndarray) -> Self:
        """From gallery indices `images` (Q, k + M), the first `k` of each ranking and those that have `moved_up`, and their scores.

        Of equal scores the image that comes first in the gallery is the first hit. Errors: `ValueError` for a query whose gallery
        has no image of anybody else.
        """
        own = gallery_persons[images] == query_persons[:, None]
        others = np.where((images < 0) | own, -np.inf, scores)
        nonmated = others.max(axis=1, initial=-np.inf)
        if (alone := np.flatnonzero(nonmated == -np.inf)).size:
            raise ValueError(f"query {alone[0]}: the gallery has no image of anybody but {query_persons[alone[0]]}.")
        lower, _ = gallery_parts(gallery_persons.tolist(), 2)
        half_of_image, half_of_query = (np.isin(persons, list(lower)) for persons in (gallery_persons, query_persons))
        nonmated_half = np.where(half_of_image[images] == half_of_query[:, None], others, -np.inf).max(axis=1)
        mated = scores[:, :k].max(axis=1)
        first = np.where(scores[:, :k] == mated[:, None], images[:, :k], len(gallery_persons)).min(axis=1)
        images_of_others = (gallery_persons[None] != np.unique(query_persons)[:, None]).sum(axis=1)
        return cls(
            query_persons,
            mated.astype(np.float32),
            gallery_persons[first] == query_persons,
            nonmated.astype(np.float32),
            nonmated_half.astype(np.float32),
            round(float(images_of_others.mean())),
        )

    @property
    def scores(self) -> np.ndarray:
        """Of all searches (2 Q,), mated first."""
        return np.concatenate([self.mated, self.nonmated])

    @property
    def outcomes(self) -> np.ndarray:
        """Whether the first hit is of the described person (2 Q,), which no non-mated search's is."""
        return np.concatenate([self.right, np.zeros_like(self.right)])

    @property
    def growth(self) -> float:
        """How FPIR grows with the gallery, from half of it to all: the exponent of `threshold`, from 0 (not at all) to 1.

        Persons of neighbouring ids share a half, as in `gallery_parts`: look-alikes drawn together stay together, as they do in a larger
        set of the same kind. 1 where too few searches tell.
        """
        above = _above(np.sort(self.nonmated), GROWTH_AT)
        if len(above) < RESOLVED or not (half := float((self.nonmated_half >= above[0]).mean())):
            return 1.0
        whole = len(above) / len(self.nonmated)
        return min(math.log2(math.log1p(-whole) / math.log1p(-half)), 1.0)

    def values(self, threshold: float) -> np.ndarray:
        """Each query's share in FPIR and TPIR (Q, 2), in percent."""
        return 100 * np.stack([self.nonmated >= threshold, self.right & (self.mated >= threshold)], axis=1).astype(np.float64)


def threshold(nonmated: np.ndarray, rate: float, *, gallery: int, of: int, growth: float = 1.0) -> float | None:
    """The score that a search in `gallery` images for a person who is not there reaches with probability `rate`, between 0 and 1.

    From the scores of `nonmated` searches in `of` images: the lowest of them that at most the share reaches. In a larger gallery the
    best of more images comes first: P(all N below t) = P(all N0 below t)^((N / N0)^growth), so the rate a at N is
    1 - (1 - a)^((N0 / N)^growth) at N0. growth is 1 for images of random persons and 0 where those that are mistaken for a person are
    there in a gallery of any size; `FirstHits.growth` measures it. None where fewer than RESOLVED searches reach the threshold: it
    would be a guess.
    Errors: `ValueError` for a rate that is not between 0 and 1, or a gallery without images.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate: {rate} is not between 0 and 1.")
    if min(gallery, of) < 1:
        raise ValueError(f"gallery, of: {gallery} and {of}, but a gallery has at least one image.")
    above = _above(np.sort(nonmated), -math.expm1(math.log1p(-rate) * (of / gallery) ** growth))
    return float(above[0]) if len(above) >= RESOLVED else None


def _above(ascending: np.ndarray, share: float) -> np.ndarray:
    """The highest scores, as many as there are that at most a `share` of all reaches; equal ones are in it together or not at all."""
    allowed = int(share * len(ascending) + 1e-9)
    barred = ascending[: len(ascending) - allowed]
    return ascending[np.searchsorted(ascending, barred[-1], side="right") :] if len(barred) else ascending


@dataclass(frozen=True)
class ValSearches:
    """What val says of persons who are not there. nonmated: scores (Q,), ascending, of searches in `gallery` images.

    growth: `FirstHits.growth`. curve: from a first hit's score to the probability that it is of the described person, if every second
    person is not there.
    """

    gallery: int
    growth: float
    nonmated: np.ndarray
    curve: Logistic

    @classmethod
    def of(cls, hits: FirstHits) -> Self:
        """Of val's first hits."""
        return cls(hits.gallery, hits.growth, np.sort(hits.nonmated), Logistic.fitted(hits.scores, hits.outcomes))

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        """From what `as_json` has written."""
        return cls(told["gallery"], told["growth"], np.array(told["nonmated"], np.float32), Logistic(**told["curve"]))

    def even(self, gallery: int) -> float | None:
        """The score from which on a first hit in `gallery` images is rather the described person than not; None where scores say nothing.

        At that score the curve gives 1/2, once its odds are divided by (N / N0)^growth: by as much more often do searches for persons who
        are not there reach a high score in a larger gallery (`threshold`).
        """
        if self.curve.slope <= 0:
            return None
        return (self.growth * math.log(gallery / self.gallery) - self.curve.intercept) / self.curve.slope

    def as_json(self) -> dict[str, Any]:
        """All of it, with the fewest digits that give the scores back in float32."""
        curve = {"slope": self.curve.slope, "intercept": self.curve.intercept}
        return {"gallery": self.gallery, "growth": self.growth, "curve": curve, "nonmated": [_short(score) for score in self.nonmated]}


def open_set_metrics(val: ValSearches, test: FirstHits, *, samples: int, seed: int) -> dict[str, Any]:
    """What val's thresholds and curve are worth on test, with 95 % intervals over test's persons, in percent.

    rates: at each of RATES the threshold for test's gallery, with test's FPIR and TPIR at it; None where val cannot tell it.
    trade_off: test's TPIR at thresholds that test's own FPIR sets. reliability, ECE: see `cada.retrieval.calibration.reliability`.
    """
    draws = {"samples": samples, "seed": seed}
    ascending = np.sort(test.nonmated)
    shares = SHARES[SHARES / 100 * len(ascending) >= RESOLVED].tolist()
    thresholds = [float(_above(ascending, share / 100).min(initial=np.inf)) for share in shares]
    persons = np.concatenate([test.persons, test.persons])
    return {
        "val": val.as_json(),
        "gallery": test.gallery,
        "rates": {str(rate): _at_rate(val, test, rate, draws) for rate in RATES},
        "trade_off": {"FPIR": shares, "TPIR": [float(test.values(score)[:, 1].mean()) for score in thresholds]},
        **reliability(val.curve.probabilities(test.scores), test.outcomes, persons, **draws),
    }


def _at_rate(val: ValSearches, test: FirstHits, rate: int, draws: dict[str, int]) -> dict[str, Any] | None:
    score = threshold(val.nonmated, rate / 100, gallery=test.gallery, of=val.gallery, growth=val.growth)
    if score is None:
        return None
    values = test.values(score)
    means, ends = values.mean(axis=0).tolist(), bootstrap_ends(values, test.persons, **draws).T.tolist()
    scores, intervals = ({"FPIR": first, "TPIR": second} for first, second in (means, ends))
    return {"threshold": _short(np.float32(score)), "scores": scores, "intervals": intervals}


def _short(score: np.float32) -> float:
    return float(str(score))
