"""Checks that every record can be used: captions with words, pictures that open."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from cada.data.records import Record, image_path
from cada.data.text import MAX_WORDS, normalise_caption
from cada.errors import CadaError

# Public captions run to about 150 words and are cut after 72, as the published code does. Beyond this it is no caption, but a fault.
LIMIT_WORDS = 250


def check_captions(records: Sequence[Record]) -> int:
    """How many captions are cut after 72 words. `CadaError` for one without words and for one of more than 250."""
    cut = 0
    for record in records:
        for place, caption in enumerate(record.captions):
            count = len(normalise_caption(caption, LIMIT_WORDS + 1).split())
            where = f"{record.image} ({record.split}): caption {place}"
            if count == 0:
                raise CadaError(f"{where} has no words: {caption!r}. Write one or take it out of the annotation.")
            if count > LIMIT_WORDS:
                raise CadaError(f"{where} has more than {LIMIT_WORDS} words: {caption[:60]!r}... Shorten it in the annotation.")
            cut += count > MAX_WORDS
    return cut


def check_images(root: Path, records: Sequence[Record]) -> dict[str, tuple[int, str]]:
    """Open and decode every picture; size in bytes and SHA-256 of each file, by its path under imgs/, in alphabetical order."""
    found: dict[str, tuple[int, str]] = {}
    for record in tqdm(records, desc="checking images", unit="image", disable=None):
        if record.image not in found:
            found[record.image] = _check_image(image_path(root, record))
    return dict(sorted(found.items()))


def _check_image(path: Path) -> tuple[int, str]:
    try:
        data = path.read_bytes()
        with Image.open(path) as image:
            image.load()
    except FileNotFoundError as error:
        raise CadaError(f"{path}: the annotation names this image, but there is no such file. {_REMEDY}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise CadaError(f"{path}: not a whole image ({error}). {_REMEDY}") from error
    return len(data), hashlib.sha256(data).hexdigest()


_REMEDY = "Fetch it again; a drawn set is made anew by `cada data prepare DATASET --force`."
