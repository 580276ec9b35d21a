"""The images that an index is made of: files in folders, read with care, since anybody's files are among them.

Legend: H height, W width.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cada.datasets.decoding import FORMATS, as_rgb
from cada.errors import ArgumentError, CadaError
from cada.gallery.entries import WHOLE
from cada.gallery.times import posix

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
LEAST_SIDE = 8
MAX_PIXELS = 100_000_000  # of a file: more takes a gigabyte and is mostly an attack
MAX_BYTES = 200_000_000
_TAKEN = (0x9003, 0x9004, 0x0132)  # EXIF: DateTimeOriginal, DateTimeDigitized, DateTime


# What Pillow's decoders raise for files that are no whole images; anything else is a fault of ours.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class Unreadable(Exception):
    """Why an image is skipped."""


@dataclass(frozen=True)
class Found:
    """A file that may be an image: its size and modification time (ns) are enough to see that nothing has changed."""

    path: Path
    bytes: int
    changed: int


def find_images(root: Path, *, without: Path) -> Iterator[Found]:
    """The image files under the folder `root`, or `root` itself, in the order of their paths.

    Hidden ones and the folder `without` are left out, links to folders are not followed. Errors: `CadaError` where there is no `root`.
    """
    if not root.exists():
        raise CadaError(f"{root}: there is no such folder or image. Check the name.")
    for path in [root] if root.is_file() else _walk(root, without):
        try:
            known = path.stat()
        except OSError:  # gone meanwhile, or a link to nothing
            continue
        yield Found(path, known.st_size, known.st_mtime_ns)


def _walk(folder: Path, without: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and here / name != without)
        yield from (here / name for name in sorted(names) if name.lower().endswith(SUFFIXES) and not name.startswith("."))


@dataclass(frozen=True)
class Content:
    """A file that was read: its digest, when the image was taken, and each box of it as the model reads it, or why it cannot be read."""

    sha256: str
    time: float | None
    images: Mapping[str, np.ndarray | str]  # by box: uint8 (3, H, W), or the problem


def read_content(file: Path | bytes, boxes: Sequence[str], size: tuple[int, int], *, known: Container[tuple[str, str]] = ()) -> Content:
    """Read a file, or what is in one, and resize its `boxes` to `size` (H, W), unless all of them, by digest and box, are `known` already.

    Errors: `Unreadable` for a file that cannot be read at all.
    """
    content = file if isinstance(file, bytes) else _read(file)
    sha256 = hashlib.sha256(content).hexdigest()
    if all((sha256, box) in known for box in boxes):
        return Content(sha256, None, {})
    image, time = _decoded(content, size if list(boxes) == [WHOLE] else None)
    return Content(sha256, time, {box: _resized(image, box, size) for box in boxes})


def read_image(image: Path | bytes, box: str, size: tuple[int, int]) -> np.ndarray:
    """One box of a file, or of a file's bytes, as a model of image `size` (H, W) reads it: uint8 (3, H, W).

    Errors: `CadaError` names a file that cannot be read; of bytes it is an `ArgumentError`.
    """
    try:
        pixels = read_content(image, [box], size).images[box]
        if isinstance(pixels, str):
            raise Unreadable(pixels)
    except Unreadable as error:
        if isinstance(image, bytes):
            raise ArgumentError("image", f"cannot be read: {error}.") from error
        raise CadaError(f"{image}: cannot be read: {error}.") from error
    return pixels


def open_image(path: Path, box: str = WHOLE, *, width: int | None = None) -> Image.Image:
    """A file's image, or a box of it, in RGB and upright; at most `width` pixels wide where it is given. Errors: `Unreadable`."""
    image = _cropped(_decoded(_read(path), (1, width) if width and box == WHOLE else None)[0], box)
    if width is not None and image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)
    return image


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Unreadable(f"it has more than {MAX_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(os.strerror(error.errno or 0)) from error


def _decoded(content: bytes, size: tuple[int, int] | None) -> tuple[Image.Image, float | None]:
    """The whole image and when it was taken. Where it will be resized to `size`, a JPEG is decoded at a fraction of its own."""
    with opened(content, MAX_PIXELS) as image:
        if size is not None:
            image.draft("RGB", (2 * size[1], 2 * size[0]))
        return ImageOps.exif_transpose(as_rgb(image)), _taken(image)


@contextmanager
def opened(content: bytes, most: int) -> Iterator[Image.Image]:
    """The image in a file's bytes, not decoded yet. Errors: `Unreadable` for more than `most` pixels, and for what is damaged."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > most:
                raise Unreadable(f"it has {image.width} x {image.height} pixels, more than {most // 1_000_000} million")
            if min(image.size) < LEAST_SIDE:
                raise Unreadable(f"it has {image.width} x {image.height} pixels, too few to show a person")
            yield image
    except UnidentifiedImageError as error:  # whose words are about an object in memory
        raise Unreadable("it is no image in JPEG, PNG, BMP, TIFF or WebP" if content else "it is empty") from error
    except _DAMAGED as error:
        raise Unreadable(str(error) or type(error).__name__) from error


def _cropped(image: Image.Image, box: str) -> Image.Image:
    if box == WHOLE:
        return image
    left, top, width, height = map(float, box.split(","))
    right, bottom = min(image.width, round(left + width)), min(image.height, round(top + height))
    left, top = max(0, round(left)), max(0, round(top))
    if right <= left or bottom <= top:
        raise Unreadable(f"the box {box} is outside of its {image.width} x {image.height} pixels")
    return image.crop((left, top, right, bottom))


def _resized(image: Image.Image, box: str, size: tuple[int, int]) -> np.ndarray | str:
    try:
        resized = _cropped(image, box).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    except Unreadable as error:
        return str(error)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def _taken(image: Image.Image) -> float | None:
    """The POSIX time in the image's EXIF data, which has no time zone."""
    exif = image.getexif()
    for told in (exif.get_ifd(0x8769).get(_TAKEN[0]), exif.get_ifd(0x8769).get(_TAKEN[1]), exif.get(_TAKEN[2])):
        try:
            return posix(datetime.strptime(str(told).strip("\x00 "), "%Y:%m:%d %H:%M:%S"))
        except ValueError:
            continue
    return None
