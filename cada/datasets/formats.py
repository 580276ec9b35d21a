"""The formats of annotation files. A new format is a reader and a row of FORMATS.

A reader gives the records of one file, in its order. Images lie under `imgs/`; their folders say nothing about the split.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cada.datasets.records import Record, Records
from cada.datasets.table import SPLITS, is_plain, is_text, read_table
from cada.errors import CadaError
from cada.storage import files
from cada.synthpedes.attributes import PRETRAIN


class Format(NamedTuple):
    """How the annotation of a data set is read, and how its file is called.

    names: those that the file may have; none where the user names it. extra: a further file, read where there is one.
    """

    read: Callable[[Path], Records]
    names: tuple[str, ...] = ()
    extra: str | None = None


def read_annotation(path: Path, *, fields: Collection[str] | None = None) -> list[dict[str, Any]]:
    """The list of records of a JSON file, as it is there.

    With `fields` every object has these alone: a drawn set's phrases and facts take ten times the memory of what a record needs.
    """
    value = files.read_json(path, fields=fields)
    if not isinstance(value, list) or not value:
        raise CadaError(f"{path}: holds no list of records. Fetch or make the file again.")
    return value


def _read_json(path: Path, *, image_key: str) -> Records:
    """The public sets: a list of objects with the image, `id`, `captions` and `split`."""
    records = read_annotation(path, fields=(image_key, "id", "captions", "split"))
    return [_record(item, image_key, f"{path}: record {place}") for place, item in enumerate(records)]


def _record(item: Any, image_key: str, where: str) -> Record:
    """`where` names the file and the place in it."""
    image = _field(item, image_key, str, where)
    where = f"{where} ({image})"
    if not is_plain(image):
        raise CadaError(f"{where}: '{image_key}' is no plain path under imgs/. Fix the annotation.")
    captions = _field(item, "captions", list, where)
    if not captions or not all(isinstance(caption, str) and is_text(caption) for caption in captions):
        raise CadaError(f"{where}: 'captions' is {captions!r}, not a list of sentences. Fix the annotation.")
    person, split = _field(item, "id", int, where), _field(item, "split", str, where)
    if not -(2**63) <= person < 2**63:
        raise CadaError(f"{where}: 'id' has {person.bit_length()} bits, of which 63 can be used. Number the persons from 0.")
    if split not in (*SPLITS, PRETRAIN):
        raise CadaError(f"{where}: 'split' is {split!r}, not {', '.join(SPLITS)}. Fix the annotation.")
    return Record(image, person, tuple(captions), split)


def _field(item: Any, name: str, kind: type, where: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise CadaError(f"{where}: the field '{name}' is missing. Fix the annotation or fetch it again.")
    if type(item[name]) is not kind:
        raise CadaError(f"{where}: '{name}' is {item[name]!r}, not of type {kind.__name__}. Fix the annotation.")
    return item[name]


FORMATS = {
    # A drawn set keeps its pre-training persons in a further file, since public code takes any split that is not train or test for val.
    "cuhk_pedes": Format(partial(_read_json, image_key="file_path"), ("reid_raw.json",), extra="pretrain.json"),
    "icfg_pedes": Format(partial(_read_json, image_key="file_path"), ("ICFG-PEDES.json", "ICFG_PEDES.json")),
    "rstpreid": Format(partial(_read_json, image_key="img_path"), ("data_captions.json",)),
    "table": Format(read_table),
}


def known_format(name: str) -> str:
    """`name`, when it is one of FORMATS. Errors: `ValueError`."""
    if name not in FORMATS:
        raise ValueError(f"no such format: {name!r}. Known are {', '.join(FORMATS)}")
    return name
