"""What a whole picture is: the one conversion to RGB, for validation and for training."""

from __future__ import annotations

import numpy as np
from PIL import Image


def as_rgb(picture: Image.Image) -> Image.Image:
    """The picture in RGB. `ValueError` for 32-bit samples, whose white is not defined."""
    if picture.mode in ("I", "F"):
        raise ValueError("its samples have 32 bits; save it with 8")
    if picture.mode.startswith("I;16"):  # Pillow's own conversion clips at 255: all but black becomes white
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    return picture.convert("RGB")
