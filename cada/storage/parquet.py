"""Reading the Parquet tables that steps leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
