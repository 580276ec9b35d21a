"""What a whole image is: the formats that are opened and the one conversion to RGB, for validation and for training."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cada.errors import CadaError, of_file

# The public sets have JPEG, PNG and BMP. Pillow reads fifty more, and gives some to programs of the machine: PostScript to Ghostscript.
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
_REMEDY = "Restore it, then run `cada data prepare` again."


def read_rgb(path: Path) -> Image.Image:
    """The image of a file in RGB. Errors: `CadaError` where there is none, it may not be read or is not whole."""
    try:
        return decode_rgb(content_of(path))
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such image. {_REMEDY}") from error
    except OSError as error:
        raise of_file(error, path, "cannot be read") from error
    except ValueError as error:
        raise CadaError(f"{path}: not a whole image ({error}). {_REMEDY}") from error


def content_of(path: Path) -> bytes:
    """The bytes of a file. `OSError` where it may not be read, `ValueError` for a pipe or a device, which might never end."""
    kind = path.stat().st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise ValueError("it is a pipe or a device")
    return path.read_bytes()


def decode_rgb(content: bytes) -> Image.Image:
    """The image in the bytes of a file of one of FORMATS, in RGB. `ValueError` says why it cannot be read."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return as_rgb(image)
    except UnidentifiedImageError as error:
        raise ValueError(f"it does not begin as {', '.join(FORMATS[:-1])} or {FORMATS[-1]} files do") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def as_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, on white where it is transparent. `ValueError` for 32-bit samples, whose white is not defined."""
    if image.mode in ("I", "F"):
        raise ValueError("its samples have 32 bits; save it with 8")
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255: all but black becomes white
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:  # what lies under it is anything
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")
