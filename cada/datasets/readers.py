"""Readers of the three annotation formats: from the files of a data set to records.

CUHK-PEDES and the drawn sets: `reid_raw.json`. ICFG-PEDES: `ICFG-PEDES.json`, also spelt `ICFG_PEDES.json`. RSTPReid: `data_captions.json`,
whose image key is `img_path`. Images lie under `imgs/`; their folders say nothing about the split.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from cada.datasets.records import Record
from cada.errors import CadaError
from cada.storage import files

ANNOTATIONS = {
    "cuhk_pedes": ("reid_raw.json",),
    "icfg_pedes": ("ICFG-PEDES.json", "ICFG_PEDES.json"),
    "rstpreid": ("data_captions.json",),
}
_IMAGE_KEY = {"cuhk_pedes": "file_path", "icfg_pedes": "file_path", "rstpreid": "img_path"}
_TYPES = {"split": str, "id": int, "captions": list, "file_path": str, "img_path": str}
# A drawn set keeps its pre-training persons apart, since public code takes any split that is not train or test for val.
EXTRA = "pretrain.json"


def annotation_files(form: str, root: Path, *, where: Path | str = "its data.yaml") -> list[Path]:
    """The annotation files of a set, the main one first; `where` is the file that gives `root`.

    Errors: `CadaError` when there is none, or only one without splits.
    """
    found = [root / name for name in ANNOTATIONS[form] if (root / name).is_file()]
    if not found:
        if (root / "caption_all.json").is_file():
            raise CadaError(f"{root / 'caption_all.json'}: this older annotation has no splits. Ask for CUHK-PEDES' reid_raw.json.")
        raise CadaError(
            f"{root}: there is no {' or '.join(ANNOTATIONS[form])}. Put the data set there, or mend `root` in {where}. "
            "`cada data status` says where to ask for it."
        )
    extra = root / EXTRA
    return [found[0], extra] if extra.is_file() else found[:1]


def read_records(form: str, root: Path, *, where: Path | str = "its data.yaml") -> list[Record]:
    """All records of a set, in the order of its annotation files; `where` is the file that gives `root`."""
    paths = annotation_files(form, root, where=where)
    return [
        _record(item, form, f"{path}: record {place}")
        for path in paths
        for place, item in enumerate(read_annotation(path, fields=_TYPES.keys()))
    ]


def read_annotation(path: Path, *, fields: Collection[str] | None = None) -> list[dict[str, Any]]:
    """The list of records of one annotation file, as it stands there.

    With `fields` every object has these alone: a drawn set's phrases and facts take ten times the memory of what a record needs.
    """
    value = files.read_json(path, fields=fields)
    if not isinstance(value, list) or not value:
        raise CadaError(f"{path}: holds no list of records. Fetch or make the file again.")
    return value


def _record(item: Any, form: str, where: str) -> Record:
    """`where` names the file and the place in it."""
    image = _field(item, _IMAGE_KEY[form], where)
    where = f"{where} ({image})"
    if image.startswith("/") or not {"", ".", ".."}.isdisjoint(image.split("/")):
        raise CadaError(f"{where}: '{_IMAGE_KEY[form]}' is no plain path under imgs/. Mend the annotation.")
    captions = _field(item, "captions", where)
    if not captions or not all(isinstance(caption, str) for caption in captions):
        raise CadaError(f"{where}: 'captions' is {captions!r}, not a list of sentences. Mend the annotation.")
    return Record(image, _field(item, "id", where), tuple(captions), _field(item, "split", where))


def _field(item: Any, name: str, where: str) -> Any:
    if not isinstance(item, dict) or name not in item:
        raise CadaError(f"{where}: the field '{name}' is missing. Mend the annotation or fetch it again.")
    if type(item[name]) is not _TYPES[name]:
        raise CadaError(f"{where}: '{name}' is {item[name]!r}, not of type {_TYPES[name].__name__}. Mend the annotation.")
    return item[name]
