"""From a folder to records: the annotation in its format, and its splits where it has none."""

from __future__ import annotations

from pathlib import Path

from cada.datasets.formats import FORMATS, known_format
from cada.datasets.holdout import with_test
from cada.datasets.records import Records
from cada.errors import CadaError


class AnnotationError(CadaError, ValueError):
    """A data set that cannot be read: a command shows the message, a caller of the library catches a `ValueError`."""


def read(
    format: str, root: Path | str, *, annotation: str | None = None, test_persons: int | None = None, where: Path | str = "read"
) -> Records:
    """All records of the data set in the folder `root`, in the order of its annotation.

    format: a name of `cada.datasets.formats.FORMATS`. annotation: the annotation's file name, where the format does not fix it.
    test_persons: how many persons become test, where the annotation has no splits; all others are train.
    where: what the messages call the place that these arguments are from.
    Errors: `AnnotationError`, a `ValueError`, names the argument, or the file and the record, and says what to do.
    """
    try:
        paths = annotation_files(format, Path(root), annotation=annotation, where=where)
        records = [record for path in paths for record in FORMATS[format].read(path)]
        return with_test(records, persons=test_persons, annotation=paths[0], where=where)
    except (CadaError, ValueError) as error:
        raise AnnotationError(str(error)) from error


def annotation_names(format: str, annotation: str | None) -> tuple[str, ...]:
    """The names that the annotation file of a data set may have. Errors: `ValueError` for an unknown format, or one that leaves it open."""
    known = FORMATS[known_format(format)]
    names = (annotation,) if annotation else known.names
    if not names:
        raise ValueError(f"annotation is missing: format {format} leaves the file's name to you")
    return names


def annotation_files(format: str, root: Path, *, annotation: str | None, where: Path | str) -> list[Path]:
    """The annotation files of a set, the main one first; `where` is the file that gives `root`.

    Errors: `CadaError` when there is none, or only one without splits.
    """
    names = annotation_names(format, annotation)
    found = [root / name for name in names if (root / name).is_file()]
    if not found:
        if (root / "caption_all.json").is_file():
            raise CadaError(f"{root / 'caption_all.json'}: this older annotation has no splits. Ask for CUHK-PEDES' reid_raw.json.")
        keys, ask = ("`root`", " `cada data status` says where to ask for it.") if FORMATS[format].names else ("`root` or `annotation`", "")
        raise CadaError(f"{root}: there is no {' or '.join(names)}. Put the data set there, or fix {keys} in {where}.{ask}")
    extra = FORMATS[format].extra
    return [found[0], *([root / extra] if extra and (root / extra).is_file() else [])]
