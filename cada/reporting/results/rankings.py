"""The rankings files of a run: where each query found its person, by a variant's headline score and by the cosine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from cada.retrieval.metrics import QueryScores
from cada.storage.tables import read_table

JudgedBy = Literal["headline", "cosine"]
PREFIX: dict[JudgedBy, str] = {"headline": "", "cosine": "cosine_"}
QUERY = ["image", "caption"]  # a caption is named by its image and its number there
MEASURES = ["first_rank", "average_precision", "inverse_penalty"]
COLUMNS = [*QUERY, "person", *(f"{prefix}{name}" for prefix in PREFIX.values() for name in MEASURES), "top"]
Rankings = dict[str, list[pd.DataFrame]]  # by variant, one table for each seed: a row for each query, indexed by QUERY


def read_rankings(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> Rankings:
    """The rankings of variants x seeds, and no others. Errors: `CadaError` for a file that is missing or lacks a column."""

    def read(variant: str, seed: int) -> pd.DataFrame:
        command = f"cada evaluate {dataset} --variant {variant} --seed {seed}"
        return read_table(folder / variant / f"{seed}.parquet", COLUMNS, command=command).set_index(QUERY)

    return {variant: [read(variant, seed) for seed in seeds] for variant in variants}


def query_values(table: pd.DataFrame, score: JudgedBy) -> np.ndarray:
    """Each query's share in the metrics (`cada.retrieval.metrics.METRICS`), in percent: (Q, 5)."""
    return QueryScores(*(table[f"{PREFIX[score]}{name}"].to_numpy() for name in MEASURES)).values()


def on_common_queries(*variants: Sequence[pd.DataFrame]) -> list[list[pd.DataFrame]]:
    """Each variant's tables with the queries that all tables have, in one order; the published procedure has fewer."""
    first, *others = (table for tables in variants for table in tables)
    shared = first.index
    for table in others:
        shared = shared[shared.isin(table.index)]
    return [[table.loc[shared] for table in tables] for tables in variants]
