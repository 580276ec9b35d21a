"""A user's own captions: a CSV or JSONL file with the columns image, person, caption and, where the splits are fixed, split.

Several captions of an image are several rows; in JSONL a row may also hold a list of them. Further columns are not read. A person is
a number, which is kept, or any other text: the names are numbered in their sorted order, from behind the largest number on.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cada.datasets.records import Record, Records
from cada.errors import CadaError
from cada.storage import files

COLUMNS = ("image", "person", "caption")  # and SPLIT
SPLIT, SPLITS = "split", ("train", "val", "test")
UNSPLIT = ""  # the split of a record in a table without splits, until `cada.datasets.holdout` chooses the test persons
_NO_NAME = re.compile(r"|nan|[+-]?[\d.,]+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)  # other numbers, and what is left of empty cells
_NAMED = "Name the columns image, person, caption and, where the splits are fixed, split."
Row = tuple[int, dict[str, Any]]  # the line that it begins at, and its cells


def read_table(path: Path) -> Records:
    """The records of a .csv or .jsonl file, one for each image, in the order of their first rows.

    Errors: `CadaError` names file, line and column of the first fault.
    """
    kinds = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    if path.suffix not in kinds:
        raise CadaError(f"{path}: is no .csv or .jsonl file. Save the table as one of them.")
    lines: dict[str, int] = {}  # where each image is named first
    records: dict[str, Record] = {}
    splits: dict[str, tuple[str, int]] = {}  # of each person, and the line that says so
    for line, cells in kinds[path.suffix](path):
        where = f"{path}: line {line}"
        record = _record(cells, where)
        split, first = splits.setdefault(record.label, (record.split, line))
        if split != record.split:
            raise CadaError(
                f"{where}: person {record.label} has split {record.split!r}, and {split!r} in line {first}. Put a person into one split."
            )
        known = records.setdefault(record.image, record)
        first = lines.setdefault(record.image, line)
        if known.label != record.label:
            raise CadaError(
                f"{where}: {record.image} shows person {record.label}, and person {known.label} in line {first}. Fix one of the two."
            )
        if known is not record:
            records[record.image] = replace(known, captions=known.captions + record.captions)
    if not records:
        raise CadaError(f"{path}: has no rows. {_NAMED}")
    return _numbered(list(records.values()))


def _numbered(records: Records) -> Records:
    """The records with a number for each person who has a name."""
    first = max((record.person for record in records if not record.name), default=0) + 1
    numbers = {name: first + place for place, name in enumerate(sorted({record.name for record in records if record.name}))}
    return [replace(record, person=numbers[record.name]) if record.name else record for record in records]


def is_plain(image: str) -> bool:
    """Whether `image` is a path below the folder that it starts from, without detours, in characters that a file system takes."""
    return "\0" not in image and is_text(image) and not image.startswith("/") and {"", ".", ".."}.isdisjoint(image.split("/"))


def is_text(text: str) -> bool:
    """Whether all of it are characters: JSON can hold the half of one, which no file in UTF-8 can."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _csv_rows(path: Path) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        if missing := [name for name in COLUMNS if name not in header]:
            raise CadaError(f"{path}: line 1: the column {missing[0]!r} is missing; there are {', '.join(header) or 'none'}. {_NAMED}")
        if len(set(header)) < len(header):
            raise CadaError(f"{path}: line 1: a column occurs twice: {', '.join(header)}. {_NAMED}")
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                wrong = f"has {len(cells)} cells, and the header {len(header)}"
                raise CadaError(f"{path}: line {line}: {wrong}. Put captions that hold a comma into quotation marks.")
            if cells:
                yield line, dict(zip(header, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise CadaError(f"{path}: line {reader.line_num}: not valid CSV ({error}). Fix the line.") from error


def _jsonl_rows(path: Path) -> Iterator[Row]:
    has_splits = None
    for line, text in enumerate(_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            cells = json.loads(text)
        except (ValueError, RecursionError) as error:  # no JSON, a number of thousands of digits; lists in lists without end
            raise CadaError(f"{path}: line {line}: not valid JSON ({error}). Write one object in each line.") from error
        if not isinstance(cells, dict):
            raise CadaError(f"{path}: line {line}: is no object. {_NAMED}")
        if missing := [name for name in COLUMNS if name not in cells]:
            raise CadaError(f"{path}: line {line}: the key {missing[0]!r} is missing. {_NAMED}")
        has_splits = SPLIT in cells if has_splits is None else has_splits
        if has_splits != (SPLIT in cells):
            raise CadaError(f"{path}: line {line}: some lines have the key 'split' and some do not. Give it to all or to none.")
        yield line, cells


def _text(path: Path) -> str:
    try:
        return files.read_text(path).removeprefix("\ufeff")  # a spreadsheet's mark of UTF-8
    except UnicodeDecodeError as error:
        raise CadaError(f"{path}: not UTF-8 at byte {error.start}. Save the table with this encoding.") from error


def _record(cells: dict[str, Any], where: str) -> Record:
    image, person, captions, split = (*(cells[name] for name in COLUMNS), cells.get(SPLIT, UNSPLIT))
    captions = [captions] if isinstance(captions, str) else captions
    if not isinstance(image, str) or not is_plain(image):
        raise CadaError(f"{where}: 'image' is {image!r}, no plain path under imgs/. Write it as in train/1.jpg.")
    number, name = _person(person, where)
    if not isinstance(captions, list) or not captions or not all(isinstance(caption, str) and is_text(caption) for caption in captions):
        raise CadaError(f"{where}: 'caption' is {captions!r}, no sentence. Write one or take the row out.")
    if SPLIT in cells and split not in SPLITS:
        raise CadaError(f"{where}: 'split' is {split!r}, not {', '.join(SPLITS[:-1])} or {SPLITS[-1]}. Fix the row.")
    return Record(image, number, tuple(captions), split, name)


def _person(value: Any, where: str) -> tuple[int, str]:
    """A person's number; or no number yet, and the name."""
    if re.fullmatch(r"\d{1,18}", str(value), re.ASCII):  # 18 digits are an int64
        return int(value), ""
    if not isinstance(value, str) or value != value.strip() or not value.isprintable() or _NO_NAME.fullmatch(value):
        raise CadaError(f"{where}: 'person' is {value!r}, no whole number and no name. Number or name the persons, without spaces around.")
    return 0, value
