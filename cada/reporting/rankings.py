"""The rankings files of a run: what became of every query, under a variant's headline score and under its cosine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow

from cada.errors import CadaError
from cada.retrieval.metrics import QueryScores

Score = Literal["headline", "cosine"]
PREFIX: dict[Score, str] = {"headline": "", "cosine": "cosine_"}
QUERY = ["image", "caption"]  # a caption is named by its picture and its number there
MEASURES = ["first_rank", "average_precision", "inverse_penalty"]
COLUMNS = [*QUERY, "person", *(f"{prefix}{name}" for prefix in PREFIX.values() for name in MEASURES), "top"]
Rankings = dict[str, list[pd.DataFrame]]  # by variant, one table a seed: one row a query, indexed by QUERY


def read_rankings(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> Rankings:
    """The rankings of variants x seeds, and no others. Errors: `CadaError` for a file that is missing or lacks a column."""
    return {variant: [_read(folder, dataset, variant, seed) for seed in seeds] for variant in variants}


def query_values(table: pd.DataFrame, score: Score) -> np.ndarray:
    """Each query's share in the metrics (`cada.retrieval.metrics.METRICS`), in percent: (Q, 5)."""
    return QueryScores(*(table[f"{PREFIX[score]}{name}"].to_numpy() for name in MEASURES)).values()


def on_common_queries(*variants: Sequence[pd.DataFrame]) -> list[list[pd.DataFrame]]:
    """Each variant's tables with the queries that all tables have, in one order; the published procedure asks fewer."""
    first, *others = (table for tables in variants for table in tables)
    shared = first.index.unique()  # a set may list a picture twice
    for table in others:
        shared = shared[shared.isin(table.index)]
    return [[table.loc[shared] for table in tables] for tables in variants]


def _read(folder: Path, dataset: str, variant: str, seed: int) -> pd.DataFrame:
    path = folder / variant / f"{seed}.parquet"
    again = f"Make it with `cada evaluate {dataset} --variant {variant} --seed {seed}`."
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such file. {again}") from error
    except pyarrow.ArrowInvalid as error:
        raise CadaError(f"{path}: not a whole Parquet file. {again}") from error
    if missing := [name for name in COLUMNS if name not in table]:
        raise CadaError(f"{path}: lacks the columns {', '.join(missing)}. {again}")
    return table.set_index(QUERY)
