"""How long steps took by the clock, as Snakemake's benchmark files have it: outside Snakemake, by `dvc repro` say, nobody measures.

Its processor times are not read: it samples them, after a while every 30 s, and misses what comes after the last sample.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from pathlib import Path


def read_seconds(path: Path) -> float | None:
    """What a benchmark file says; None where there is none."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])


def mean_seconds(paths: Sequence[Path]) -> float | None:
    """The mean over runs; None unless all of them were measured."""
    runs = [run for path in paths if (run := read_seconds(path)) is not None]
    return statistics.fmean(runs) if len(runs) == len(paths) else None
