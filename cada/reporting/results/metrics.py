"""The metrics files of a run, read and summed up over seeds. Scores are in percent."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from cada.errors import CadaError
from cada.reporting.results.open_set import OpenSet
from cada.reporting.statistics import mean_and_deviation
from cada.retrieval.metrics import METRICS
from cada.storage.results import ResultFile, read_result

Fusion = Literal["cosine", "calibrated", "published"]
FUSIONS: tuple[Fusion, ...] = ("cosine", "calibrated", "published")
Percent = Annotated[float, Field(ge=-1e-6, le=100 + 1e-6)]  # a mean in floating point may be above 100 in its last digit
TestGallery = Literal["all", "parts"]
LABEL = {"R1": "R@1", "R5": "R@5", "R10": "R@10", "mAP": "mAP", "mINP": "mINP"}
MAIN_METRICS = ("R1", "mAP")  # of those tables and figures that do not show all


class Scores(ResultFile):
    """The metrics of one ranking."""

    R1: Percent
    R5: Percent
    R10: Percent
    mAP: Percent
    mINP: Percent


class Intervals(ResultFile):
    """The ends of the interval of each metric."""

    R1: tuple[Percent, Percent]
    R5: tuple[Percent, Percent]
    R10: tuple[Percent, Percent]
    mAP: tuple[Percent, Percent]
    mINP: tuple[Percent, Percent]


class MetricsFile(ResultFile):
    """results/<dataset>/metrics/<variant>/<seed>.json, or results/<trained_on>/transfer/<dataset>/<variant>/<seed>.json."""

    dataset: str
    trained_on: str | None = None  # another data set
    variant: str
    seed: int
    procedure: Literal["robust", "published"]
    selection: Literal["val", "test"]
    val: Literal["own", "held_out", "test"]
    queries: int
    gallery: int
    persons: int
    top_k: int | None
    headline: Fusion
    fusion_weight: float | None
    scores: dict[Fusion, Scores]
    intervals: dict[Fusion, Intervals]
    part_count: int = 1
    parts: dict[Fusion, Scores] | None = None
    scores_at_k: dict[int, Scores] | None = None
    open_set: OpenSet | None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.headline not in self.scores or self.intervals.keys() != self.scores.keys():
            raise ValueError(f"scores ({', '.join(self.scores)}) lack the headline {self.headline} or do not match the intervals")
        if not (self.top_k is None) == (self.fusion_weight is None) == (self.scores_at_k is None):
            raise ValueError("top_k, fusion_weight and scores_at_k belong together")
        if (self.open_set is None) != (self.val == "test" or self.trained_on is not None):
            raise ValueError("open_set and a val split of the own data set belong together")
        return self

    def on(self, gallery: TestGallery) -> dict[Fusion, Scores]:
        """The scores on one gallery; empty where the file has none."""
        return self.scores if gallery == "all" else self.parts or {}


@dataclass(frozen=True)
class MeasuredVariant:
    """A variant's name, its title and its metrics files, one for each seed."""

    name: str
    title: str
    files: tuple[MetricsFile, ...]

    def fusions(self, gallery: TestGallery) -> list[Fusion]:
        """The scores that all seeds have on a gallery, in a fixed order."""
        return [fusion for fusion in FUSIONS if all(fusion in file.on(gallery) for file in self.files)]

    def is_headline(self, fusion: Fusion) -> bool:
        """Whether the variant is judged by this score."""
        return all(file.headline == fusion for file in self.files)

    def summary(self, fusion: Fusion, gallery: TestGallery) -> dict[str, float | None]:
        """<metric>_{mean,std,low,high} over the seeds: the interval's ends are the means of the ends of the seeds."""
        summary = summary_of([file.on(gallery)[fusion] for file in self.files])
        for metric in METRICS if gallery == "all" else ():
            ends = zip(*(getattr(file.intervals[fusion], metric) for file in self.files), strict=True)
            summary[f"{metric}_low"], summary[f"{metric}_high"] = map(statistics.fmean, ends)
        return summary

    def headline_summary(self) -> dict[str, Any]:
        """The score that the variant is judged by on the full gallery: its name, and its `summary`."""
        (fusion,) = filter(self.is_headline, self.fusions("all"))
        return {"score": fusion, "seeds": len(self.files), **self.summary(fusion, "all")}


def summary_of(seeds: Iterable[Scores]) -> dict[str, float | None]:
    """<metric>_{mean,std} over the seeds."""
    found = list(seeds)
    summary: dict[str, float | None] = {}
    for metric in METRICS:
        summary[f"{metric}_mean"], summary[f"{metric}_std"] = mean_and_deviation([getattr(scores, metric) for scores in found])
    return summary


def read_variants(
    dataset: str, variants: Sequence[tuple[str, str]], seeds: Sequence[int], folder: Path, *, trained_on: str | None = None
) -> list[MeasuredVariant]:
    """The metrics files of variants (name, title) x seeds, and no others; `trained_on` names another data set than `dataset`.

    Errors: `CadaError` for a file that is missing, incomplete or about something else, and for galleries that differ.
    """
    read = []
    for name, title in variants:
        files = [read_metrics(folder / name / f"{seed}.json", dataset, name, seed, trained_on=trained_on) for seed in seeds]
        read.append(MeasuredVariant(name, title, tuple(files)))
    for variant in read:
        for file in variant.files:
            _check_alike(file, read[0].files[0], ("gallery", "persons", "part_count"), folder)
            _check_alike(file, variant.files[0], ("procedure", "selection", "val", "queries", "top_k", "headline"), folder)
    return read


def read_metrics(path: Path, dataset: str, variant: str, seed: int, *, trained_on: str | None = None) -> MetricsFile:
    """One metrics file. Errors: `CadaError` where it is missing, incomplete, or not the one that its name says."""
    command = _command(dataset, variant, seed, trained_on)
    metrics = read_result(path, MetricsFile, command=command)
    for key, wanted in {"dataset": dataset, "trained_on": trained_on, "variant": variant, "seed": seed}.items():
        if getattr(metrics, key) != wanted:
            raise CadaError(f"{path}: {key}: says {getattr(metrics, key)!r}, not {wanted!r}. Make it with `{command}`.")
    return metrics


def _command(dataset: str, variant: str, seed: int, trained_on: str | None) -> str:
    step = f"evaluate {dataset}" if trained_on is None else f"transfer {trained_on} --to {dataset}"
    return f"cada {step} --variant {variant} --seed {seed}"


def _check_alike(file: MetricsFile, first: MetricsFile, keys: Sequence[str], folder: Path) -> None:
    """Numbers from different galleries do not belong in one table, nor those of different scores in one mean."""
    for key in keys:
        mine, others = getattr(file, key), getattr(first, key)
        if mine != others:
            again = _command(file.dataset, file.variant, file.seed, file.trained_on)
            raise CadaError(
                f"{folder / file.variant / f'{file.seed}.json'}: {key}: {mine}, but {others} in {first.variant}/{first.seed}.json. "
                f"Make both with the same data and parameters: `{again}`."
            )
