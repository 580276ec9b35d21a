"""The phrase table: one row per attribute phrase of every caption, in a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from cada.datasets.records import Record
from cada.phrases.chunking import parse
from cada.storage.files import atomic
from cada.storage.tables import read_table

# image: as in Record.image. caption, phrase: indices within the record and the caption. start, end: in the normalised caption.
_COLUMNS = {
    **{"image": pa.string(), "caption": pa.int32(), "phrase": pa.int32(), "start": pa.int32(), "end": pa.int32()},
    **{"text": pa.string(), "head": pa.string(), "modifiers": pa.list_(pa.string())},
}
SCHEMA = pa.schema([pa.field(name, kind, nullable=False) for name, kind in _COLUMNS.items()])

PLACES = ("image", "caption", "start", "end")  # the columns that say where the phrases are


def write_phrases(records: Sequence[Record], *, output: Path) -> None:
    """Parse every caption and write the table. The same records give the same bytes."""
    rows = list(_rows(tqdm(records, desc="phrases", unit=" images", disable=None)))
    with atomic(output) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), partial, compression="zstd")


def read_phrases(path: Path, dataset: str, *, columns: Sequence[str] = tuple(SCHEMA.names)) -> pd.DataFrame:
    """These `columns` of what `write_phrases` wrote. Errors: `CadaError` when it is missing, damaged or lacks one of them."""
    return read_table(path, columns, command=f"cada phrases {dataset}")


def _rows(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        for caption, text in enumerate(record.captions):
            for index, phrase in enumerate(parse(text)):
                yield {"image": record.image, "caption": caption, "phrase": index, **phrase._asdict()}
