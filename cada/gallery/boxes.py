"""Boxes that a detector has found in photographs: a CSV file, or JSON in COCO's format."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cada.errors import CadaError
from cada.gallery.times import parsed
from cada.storage.files import read_json, read_text

COLUMNS = ("image", "x", "y", "width", "height")


@dataclass(frozen=True)
class Box:
    """A person's place in an image, in pixels from the upper left corner, and where the image is a frame its POSIX time."""

    text: str  # x,y,width,height, as it is kept in the index
    time: float | None = None


def read_boxes(path: Path) -> dict[Path, list[Box]]:
    """The boxes of each image; their order and doubles are dropped. Images are named from the folder of `path`, or absolutely.

    CSV: columns image, x, y, width, height, and possibly time (POSIX seconds or ISO 8601); others are ignored. JSON: COCO's `images`
    and `annotations`, of which those of the category "person" count, or all where no category has that name.
    Errors: `CadaError` names the file and the record.
    """
    found: dict[Path, dict[str, Box]] = {}
    for image, box in _of_coco(path) if path.suffix == ".json" else _of_csv(path):
        found.setdefault((path.parent / image).resolve(), {})[box.text] = box
    if not found:
        raise CadaError(f"{path}: there is no box in it. Without --boxes, images are indexed as a whole.")
    return {image: sorted(boxes.values(), key=lambda box: box.text) for image, boxes in found.items()}


def _of_csv(path: Path) -> Iterator[tuple[str, Box]]:
    rows = csv.DictReader(io.StringIO(read_text(path)))
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise CadaError(f"{path}: lacks the columns {', '.join(missing)}. Boxes have {', '.join(COLUMNS)}, in pixels.")
    for number, row in enumerate(rows, start=2):
        yield row["image"], _box([row[name] for name in COLUMNS[1:]], row.get("time") or None, f"{path}: line {number}")


def _of_coco(path: Path) -> Iterator[tuple[str, Box]]:
    told = read_json(path)
    try:
        persons = {category["id"] for category in told.get("categories", []) if category["name"] == "person"}
        images = {image["id"]: image for image in told["images"]}
        for number, annotation in enumerate(told["annotations"]):
            if not persons or annotation["category_id"] in persons:
                image = images[annotation["image_id"]]
                yield image["file_name"], _box(annotation["bbox"], image.get("date_captured"), f"{path}: annotations[{number}]")
    except (KeyError, TypeError, AttributeError) as error:
        raise CadaError(f"{path}: not in COCO's format ({error!r}). It needs images, annotations and their image_id and bbox.") from error


def _box(values: Any, time: Any, place: str) -> Box:
    try:
        x, y, width, height = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        told = ", ".join(map(str, values)) if isinstance(values, list) else values
        raise CadaError(f"{place}: a box has four numbers, x, y, width and height, not {told}.") from error
    if not (width > 0 and height > 0 and all(abs(value) < 1e9 for value in (x, y, width, height))):
        raise CadaError(f"{place}: the box x {x:g}, y {y:g}, width {width:g}, height {height:g} has no area, or lies beyond any image.")
    return Box(",".join(f"{value:g}" for value in (x, y, width, height)), _time(time, place))


def _time(told: Any, place: str) -> float | None:
    if told is None:
        return None
    try:
        return float(told)
    except ValueError:
        pass
    try:
        return parsed(told)
    except ValueError as error:
        raise CadaError(f"{place}: the time {told!r} is neither POSIX seconds nor ISO 8601.") from error
