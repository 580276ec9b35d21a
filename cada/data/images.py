"""Pictures to tensors: decoding, augmentation, normalisation (method section 4).

Legend: B batch, N pictures, H height, W width. Pictures are uint8 until they are normalised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cada.errors import CadaError

# CLIP's and BLIP's statistics
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

ERASE_SCALE = (0.02, 0.4)  # share of the picture's area
ERASE_RATIO = (0.3, 3.3)  # height to width
ERASE_ATTEMPTS = 10


def load_image(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Decode one picture as RGB and resize it (bilinear) to (H, W, 3) uint8; grey, palette, RGBA and 16-bit files included."""
    try:
        with Image.open(path) as picture:
            return np.asarray(_rgb(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR))
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such image. Restore it, then run `cada data prepare` again.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise CadaError(f"{path}: not a whole image ({error}). Restore it, then run `cada data prepare` again.") from error


def _rgb(picture: Image.Image) -> Image.Image:
    """The picture in RGB. `ValueError` for 32-bit samples, whose white is not defined."""
    if picture.mode in ("I", "F"):
        raise ValueError("its samples have 32 bits; save it with 8")
    if picture.mode.startswith("I;16"):  # Pillow's own conversion clips at 255: all but black becomes white
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    return picture.convert("RGB")


def load_images(paths: Sequence[Path], size: tuple[int, int], *, threads: int) -> Tensor:
    """Decode `paths` into one uint8 tensor (N, 3, H, W)."""
    images = np.empty((len(paths), *size, 3), dtype=np.uint8)

    def load(index: int) -> None:
        images[index] = load_image(paths[index], size)

    with ThreadPoolExecutor(threads) as pool:
        for _ in tqdm(pool.map(load, range(len(paths))), total=len(paths), desc="images", disable=None, leave=False):
            pass
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def normalise(images: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) to float32 with the encoders' mean and standard deviation."""
    mean, std = (torch.tensor(values, device=images.device)[:, None, None] for values in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def augment(images: Tensor, *, flip: float, pad: int, erase: float, generator: torch.Generator) -> Tensor:
    """Training pictures: uint8 (B, 3, H, W) to normalised float32, changed at random.

    Horizontal flip with probability `flip`; `pad` zero pixels around and a crop of the old size; normalisation;
    then with probability `erase` a rectangle filled with the *un-normalised* mean, as published.
    """
    count, _, height, width = images.shape
    flipped = torch.rand(count, generator=generator) < flip
    images = torch.where(flipped[:, None, None, None], images.flip(3), images)
    if pad:
        offsets = torch.randint(0, 2 * pad + 1, (2, count, 1), generator=generator)
        rows = offsets[0] + torch.arange(height)  # (B, H)
        columns = offsets[1] + torch.arange(width)  # (B, W)
        padded = F.pad(images, (pad, pad, pad, pad))
        images = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    erased = _rectangles(count, height, width, generator) & (torch.rand(count, generator=generator) < erase)[:, None, None]
    return torch.where(erased[:, None], torch.tensor(MEAN)[:, None, None], normalise(images))


def _rectangles(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """One random rectangle per picture (B, H, W): the first of ten attempts that fits, or none."""
    area = torch.empty(count, ERASE_ATTEMPTS).uniform_(*ERASE_SCALE, generator=generator) * height * width
    ratio = torch.empty(count, ERASE_ATTEMPTS).uniform_(*map(math.log, ERASE_RATIO), generator=generator).exp()
    high, wide = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (high < height) & (wide < width)
    first = fits.int().argmax(dim=1, keepdim=True)
    high, wide = high.gather(1, first), wide.gather(1, first)  # (B, 1)
    corner = torch.rand(2, count, 1, generator=generator)
    top, left = (corner[0] * (height - high + 1)).floor(), (corner[1] * (width - wide + 1)).floor()
    row, column = torch.arange(height), torch.arange(width)
    rows = (row >= top) & (row < top + high)  # (B, H)
    columns = (column >= left) & (column < left + wide)  # (B, W)
    return rows[:, :, None] & columns[:, None, :] & fits.any(dim=1)[:, None, None]
