"""Reading the tables that steps leave behind: Parquet and CSV, whole or refused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cada.errors import CadaError
from cada.storage.files import reading


def read_table(path: Path, columns: Sequence[str], *, command: str) -> pd.DataFrame:
    """The `columns` of the table in `path`, which `command` makes. Errors: `CadaError` when it is missing, damaged or lacks one."""
    again = f"Make it with `{command}`."
    try:
        with reading(path, missing=again):
            there = pq.read_schema(path).names
            if missing := [name for name in columns if name not in there]:
                raise CadaError(f"{path}: lacks the columns {', '.join(missing)}. {again}")
            return pd.read_parquet(path, columns=list(columns))
    except pa.ArrowInvalid as error:
        raise CadaError(f"{path}: not a whole Parquet file. {again}") from error


def read_csv(path: Path, columns: Collection[str], *, again: str, least: int = 1, **options: Any) -> pd.DataFrame:
    """The table in `path` with at `least` so many rows and these `columns` among its own; `options` are pandas'.

    Errors: `CadaError` when it is missing, damaged, or lacks a column or a row; `again` says how to make it again.
    """
    try:
        with reading(path, missing=again):
            found = pd.read_csv(path, **options)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, ValueError) as error:  # bytes that are no UTF-8, cells that are no numbers
        raise CadaError(f"{path}: not a whole CSV file ({str(error).splitlines()[0]}). {again}") from error
    if missing := [name for name in columns if name not in found.columns]:
        raise CadaError(f"{path}: lacks the columns {', '.join(missing)}. {again}")
    if len(found) < least:
        raise CadaError(f"{path}: has {len(found)} rows, not {least} or more. {again}")
    return found
