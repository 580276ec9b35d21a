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
    if output.suffix not in (".png", ".jpg"):
        raise CadaError(f"{output}: a contact sheet is a .png or .jpg file. Choose such a name.")
    mine = sorted((record for record in records if record.split == split), key=lambda record: record.person)
    rows = [list(group)[:COLUMNS] for _, group in groupby(mine, key=lambda record: record.person)][:persons]
    if not rows:
        known = ", ".join(dict.fromkeys(record.split for record in records))
        raise CadaError(f"{root}: has no split {split!r}, only {known}. Choose one of these.")
    strips = [_strip(root, row) for row in rows]
    sheet = Image.fromarray(np.concatenate([np.asarray(strip) for strip in strips]))
    with files.atomic(output) as partial:
        if output.suffix == ".png":
            sheet.quantize(256).save(partial, "PNG")  # a quarter of the size
        else:
            sheet.save(partial, "JPEG", quality=90)


def _strip(root: Path, row: Sequence[Record]) -> Image.Image:
    """One person."""
    height, width = IMAGE
    captions = [textwrap.wrap(record.captions[0], 34, break_on_hyphens=False) for record in row]
    lines = max(len(caption) for caption in captions)
    strip = Image.new("RGB", (_GAP + COLUMNS * (_CELL + _GAP), _HEADING + height + _GAP + lines * _LINE + 2 * _GAP), _PAPER)
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(11)
    pen.text((_GAP, 5), f"person {row[0].label}", fill=_QUIET, font=font)
    pen.line((_GAP, 1, strip.width - _GAP, 1), fill=(214, 212, 206))
    for column, (record, caption) in enumerate(zip(row, captions, strict=True)):
        left = _GAP + column * (_CELL + _GAP)
        strip.paste(ImageOps.contain(read_rgb(image_path(root, record)), (width, height)), (left, _HEADING))
        pen.multiline_text((left, _HEADING + height + _GAP), "\n".join(caption), fill=_INK, font=font, spacing=2)
    return strip
