"""What a metrics file says of searches for persons who are not there: `cada.retrieval.openset` measures it. Rates are in percent."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cada.storage.results import ResultFile


class Identification(ResultFile):
    """False and true positives, FPIR and TPIR."""

    FPIR: float
    TPIR: float


class IdentificationIntervals(ResultFile):
    """The ends of the interval of each."""

    FPIR: tuple[float, float]
    TPIR: tuple[float, float]


class AtThreshold(ResultFile):
    """Test at the threshold that val gives for a stated FPIR."""

    threshold: float
    scores: Identification
    intervals: IdentificationIntervals


class TradeOff(ResultFile):
    """TPIR at thresholds that test's own FPIR sets."""

    FPIR: tuple[float, ...]
    TPIR: tuple[float, ...]


class ReliabilityBin(ResultFile):
    """Searches of like probability: the mean of it, and in how many of 100 the first hit is of the described person."""

    predicted: float
    observed: float
    searches: int


class Curve(ResultFile):
    """From a first hit's score to the probability that it is of the described person: `cada.retrieval.calibration.Logistic`."""

    slope: float
    intercept: float


class Val(ResultFile):
    """The searches for persons who are not there that set the thresholds, and the curve."""

    gallery: int
    growth: float
    curve: Curve
    nonmated: tuple[float, ...]


class OpenSet(ResultFile):
    """Searches for persons of whom the gallery has no image; see `cada.retrieval.openset`."""

    val: Val
    gallery: int
    rates: dict[int, AtThreshold | None]
    trade_off: TradeOff
    reliability: tuple[ReliabilityBin, ...]
    ECE: float
    ECE_interval: tuple[float, float]

    @property
    def predicted(self) -> float:
        """How many first hits of 100 are of the described person by the curve, over all searches."""
        return self._mean([row.predicted for row in self.reliability])

    @property
    def observed(self) -> float:
        """How many are."""
        return self._mean([row.observed for row in self.reliability])

    def _mean(self, of_bins: Sequence[float]) -> float:
        return statistics.fmean(of_bins, weights=[row.searches for row in self.reliability])
