"""How long steps took, as Snakemake's benchmark files have it: outside Snakemake, by `dvc repro` for example, nobody measures."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Seconds:
    """Of one run of a step: by the clock, and of the processor's time; None where the run was too short to be sampled."""

    wall: float
    cpu: float | None


def read_seconds(path: Path) -> Seconds | None:
    """What a benchmark file says; None where there is none."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    return Seconds(float(row["s"]), None if row["cpu_time"] == "NA" else float(row["cpu_time"]))


def mean_seconds(paths: Sequence[Path]) -> Seconds | None:
    """The means over runs; None unless all of them were measured."""
    runs = [run for path in paths if (run := read_seconds(path)) is not None]
    if len(runs) < len(paths):
        return None
    cpu = [run.cpu for run in runs if run.cpu is not None]
    return Seconds(statistics.fmean(run.wall for run in runs), statistics.fmean(cpu) if len(cpu) == len(runs) else None)
