"""The metrics files of a run, read and summed up over seeds. Scores are in percent."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from cada.errors import CadaError
from cada.storage.files import read_json

Fusion = Literal["cosine", "calibrated", "published"]
FUSIONS: tuple[Fusion, ...] = ("cosine", "calibrated", "published")
Gallery = Literal["all", "parts"]


class _File(BaseModel):
    """What the tables need of a metrics file; other keys may stand beside it."""

    model_config = ConfigDict(frozen=True)


class Scores(_File):
    """One ranking's metrics."""

    R1: float
    R5: float
    R10: float
    mAP: float
    mINP: float


METRICS = tuple(Scores.model_fields)
LABEL = {"R1": "R@1", "R5": "R@5", "R10": "R@10", "mAP": "mAP", "mINP": "mINP"}


class Intervals(_File):
    """The ends of each metric's interval."""

    R1: tuple[float, float]
    R5: tuple[float, float]
    R10: tuple[float, float]
    mAP: tuple[float, float]
    mINP: tuple[float, float]


class Metrics(_File):
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

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.headline not in self.scores or self.intervals.keys() != self.scores.keys():
            raise ValueError(f"scores ({', '.join(self.scores)}) lack the headline {self.headline} or do not match the intervals")
        if (self.top_k is None) != (self.fusion_weight is None):
            raise ValueError("top_k and fusion_weight belong together")
        if (self.top_k is None) != (self.scores_at_k is None):
            raise ValueError("top_k and scores_at_k belong together")
        return self

    def of(self, gallery: Gallery) -> dict[Fusion, Scores]:
        """The scores on one gallery; empty where the file has none."""
        return self.scores if gallery == "all" else self.parts or {}


@dataclass(frozen=True)
class Summary:
    """One metric over the seeds: mean, standard deviation (n - 1; None for one seed), and an interval where there is one.

    The interval's ends are the means of the ends that the seeds have.
    """

    mean: float
    deviation: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Row:
    """One variant, one score, one gallery: a summary for every name in METRICS."""

    variant: str
    fusion: Fusion
    headline: bool
    summaries: dict[str, Summary]


@dataclass(frozen=True)
class Variant:
    """A variant's name, its title and its metrics files, one a seed."""

    name: str
    title: str
    files: tuple[Metrics, ...]


def read_variants(
    dataset: str, variants: Sequence[tuple[str, str]], seeds: Sequence[int], folder: Path, *, trained_on: str | None = None
) -> list[Variant]:
    """The metrics files of variants (name, title) x seeds, and no others; `trained_on` names another data set than `dataset`.

    Errors: `CadaError` for a file that is missing, incomplete or about something else, and for galleries that differ.
    """
    read = []
    for name, title in variants:
        files = [read_metrics(folder / name / f"{seed}.json", dataset, name, seed, trained_on=trained_on) for seed in seeds]
        read.append(Variant(name, title, tuple(files)))
    for variant in read:
        for file in variant.files:
            _check_alike(file, read[0].files[0], ("gallery", "persons", "part_count"), folder)
            _check_alike(file, variant.files[0], ("procedure", "selection", "val", "queries", "top_k", "headline"), folder)
    return read


def read_metrics(path: Path, dataset: str, variant: str, seed: int, *, trained_on: str | None = None) -> Metrics:
    """One metrics file, checked to be the one that its name says."""
    again = f"Make it with `{_command(dataset, variant, seed, trained_on)}`."
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file. {again}")
    try:
        metrics = Metrics.model_validate(read_json(path))
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise CadaError(f"{path}: {key or 'the file'}: {error.errors()[0]['msg']}. {again}") from error
    for key, wanted in {"dataset": dataset, "trained_on": trained_on, "variant": variant, "seed": seed}.items():
        if getattr(metrics, key) != wanted:
            raise CadaError(f"{path}: {key}: says {getattr(metrics, key)!r}, but stands where {wanted!r} belongs. {again}")
    return metrics


def _command(dataset: str, variant: str, seed: int, trained_on: str | None) -> str:
    """What makes a metrics file."""
    step = f"evaluate {dataset}" if trained_on is None else f"transfer {trained_on} --to {dataset}"
    return f"cada {step} --variant {variant} --seed {seed}"


def _check_alike(file: Metrics, first: Metrics, keys: Sequence[str], folder: Path) -> None:
    """Numbers from different galleries do not belong in one table, nor those of different scores in one mean."""
    for key in keys:
        mine, others = getattr(file, key), getattr(first, key)
        if mine != others:
            again = _command(file.dataset, file.variant, file.seed, file.trained_on)
            raise CadaError(
                f"{folder / file.variant / f'{file.seed}.json'}: {key}: {mine}, but {others} in {first.variant}/{first.seed}.json. "
                f"Make both with the same data and parameters: `{again}`."
            )


def rows(variant: Variant, gallery: Gallery) -> list[Row]:
    """The variant's scores that all its seeds have on a gallery."""
    shared = [fusion for fusion in FUSIONS if all(fusion in file.of(gallery) for file in variant.files)]
    return [
        Row(
            variant.name,
            fusion,
            headline=all(file.headline == fusion for file in variant.files),
            summaries={name: _summary(variant.files, gallery, fusion, name) for name in METRICS},
        )
        for fusion in shared
    ]


def headlines(variants: Sequence[Variant]) -> list[Row]:
    """The score that each variant is judged by, on the full gallery."""
    return [row for variant in variants for row in rows(variant, "all") if row.headline]


def _summary(files: Sequence[Metrics], gallery: Gallery, fusion: Fusion, name: str) -> Summary:
    ends = [getattr(file.intervals[fusion], name) for file in files] if gallery == "all" else []
    return summarise(
        [getattr(file.of(gallery)[fusion], name) for file in files],
        interval=(statistics.fmean(low for low, _ in ends), statistics.fmean(high for _, high in ends)) if ends else None,
    )


def summarise(values: Sequence[float], *, interval: tuple[float, float] | None = None) -> Summary:
    """Mean and standard deviation of the seeds' values."""
    return Summary(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, interval)
