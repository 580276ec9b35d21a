"""How long steps took by the clock: Snakemake measures it in benchmark files, DVC does not.

The processor times in these files are not read: Snakemake samples them, after a while every 30 s, and misses what follows the last
sample.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def read_seconds(path: Path) -> float | None:
    """The seconds in a benchmark file; None where there is none."""
    return float(pd.read_csv(path, sep="\t")["s"].iloc[0]) if path.is_file() else None


def mean_seconds(paths: Sequence[Path]) -> float | None:
    """The mean over runs; None unless all of them were measured."""
    runs = [run for path in paths if (run := read_seconds(path)) is not None]
    return statistics.fmean(runs) if len(runs) == len(paths) else None
