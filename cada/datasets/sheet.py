"""A contact sheet: persons in rows, their images side by side, a caption under each. For people to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from cada.datasets.decoding import read_rgb
from cada.datasets.records import Record, image_path
from cada.errors import CadaError
from cada.storage import files

IMAGE = (192, 96)  # height, width of an image on the sheet
COLUMNS = 5
_CELL, _GAP, _HEADING, _LINE = 190, 10, 22, 13  # pixels
_INK, _QUIET, _PAPER = (30, 30, 34), (120, 120, 126), (250, 249, 246)


def contact_sheet(root: Path, records: Sequence[Record], output: Path, *, split: str = "test", persons: int = 6) -> None:
    """Draw the first `persons` of a split to `output` (.png or .jpg), up to five images each.

    Errors: `CadaError` for a split without records and for an ending that is no image format.
    """
    mine = sorted((record for record in records if record.split == split), key=lambda record: record.person)
    rows = [list(group)[:COLUMNS] for _, group in groupby(mine, key=lambda record: record.person)][:persons]
    if not rows:
        known = ", ".join(dict.fromkeys(record.split for record in records))
        raise CadaError(f"{root}: has no split {split!r}, only {known}. Choose one of these.")
    save_sheet(stacked([_of_person(root, row) for row in rows]), output)


def _of_person(root: Path, row: Sequence[Record]) -> Image.Image:
    images = [read_rgb(image_path(root, record)) for record in row]
    return strip(f"person {row[0].label}", images, [record.captions[0] for record in row])


def strip(heading: str, images: Sequence[Image.Image], texts: Sequence[str]) -> Image.Image:
    """Up to COLUMNS images side by side, a heading over them and a text under each."""
    height, width = IMAGE
    wrapped = [textwrap.wrap(text, 34, break_on_hyphens=False) for text in texts]
    lines = max(map(len, wrapped))
    drawn = Image.new("RGB", (_GAP + COLUMNS * (_CELL + _GAP), _HEADING + height + _GAP + lines * _LINE + 2 * _GAP), _PAPER)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(11)
    pen.text((_GAP, 5), heading, fill=_QUIET, font=font)
    pen.line((_GAP, 1, drawn.width - _GAP, 1), fill=(214, 212, 206))
    for column, (image, text) in enumerate(zip(images, wrapped, strict=True)):
        left = _GAP + column * (_CELL + _GAP)
        drawn.paste(ImageOps.contain(image, (width, height)), (left, _HEADING))
        pen.multiline_text((left, _HEADING + height + _GAP), "\n".join(text), fill=_INK, font=font, spacing=2)
    return drawn


def stacked(strips: Sequence[Image.Image]) -> Image.Image:
    """Strips, one below the other."""
    return Image.fromarray(np.concatenate([np.asarray(strip) for strip in strips]))


def save_sheet(sheet: Image.Image, output: Path) -> None:
    """Write a sheet as `output`. Errors: `CadaError` for an ending other than .png and .jpg."""
    if output.suffix not in (".png", ".jpg"):
        raise CadaError(f"{output}: a contact sheet is a .png or .jpg file. Choose such a name.")
    with files.atomic(output) as partial:
        if output.suffix == ".png":
            sheet.quantize(256).save(partial, "PNG")  # a quarter of the size
        else:
            sheet.save(partial, "JPEG", quality=90)
