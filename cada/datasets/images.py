"""Images to tensors: decoding, augmentation, normalisation (method section 4).

Legend: B batch, N images, H height, W width. Images are uint8 until they are normalised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from cada.datasets.decoding import read_rgb
from cada.runtime.compute import upload

# CLIP's and BLIP's statistics
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

ERASE_SCALE = (0.02, 0.4)  # share of the image's area
ERASE_RATIO = (0.3, 3.3)  # height to width
ERASE_ATTEMPTS = 10


def load_image(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Decode one image as RGB and resize it (bilinear) to (H, W, 3) uint8; grey, palette, transparent and 16-bit files included."""
    return np.asarray(read_rgb(path).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def read_images(paths: Sequence[Path | str], size: tuple[int, int], *, threads: int = 1) -> Tensor:
    """The images of files as a model of image `size` (H, W) reads them: uint8 (N, 3, H, W). Errors: `CadaError` names a file."""
    images = np.empty((len(paths), 3, *size), dtype=np.uint8)
    decode_images([Path(path) for path in paths], images, threads=threads)
    return torch.from_numpy(images)


def decode_images(paths: Sequence[Path], images: np.ndarray, *, threads: int) -> None:
    """Decode `paths` into `images`, uint8 (N, 3, H, W), which may be a file."""
    size = images.shape[2:]

    def load(index: int) -> None:
        images[index] = load_image(paths[index], size).transpose(2, 0, 1)

    with ThreadPoolExecutor(threads) as pool:
        for _ in tqdm(pool.map(load, range(len(paths))), total=len(paths), desc="images", disable=None, leave=False):
            pass


def normalise(images: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) to float32 with the encoders' mean and standard deviation."""
    return _normalise(images.float(), *_statistics(images.device))


def _statistics(device: torch.device) -> list[Tensor]:
    return [upload(torch.tensor(values), device)[:, None, None] for values in (MEAN, STD)]


def _normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return images.div_(255).sub_(mean).div_(std)


@dataclass(frozen=True)
class Changes:
    """What happens to each training image of a batch."""

    flipped: Tensor  # (B,) bool
    corners: Tensor  # (B, 2) of the crop in the padded image: row and column of its first pixel
    erased: Tensor  # (B, 4) of the rectangle: row and column of its first pixel, height and width; 0 high where there is none
    pad: int

    def take(self, rows: slice) -> Changes:
        """The changes of some of the images."""
        return Changes(self.flipped[rows], self.corners[rows], self.erased[rows], self.pad)


def draw_changes(count: int, size: tuple[int, int], *, flip: float, pad: int, erase: float, generator: torch.Generator) -> Changes:
    """Draw for `count` images of `size`: a horizontal flip and an erased rectangle with their probabilities, and a crop."""
    flipped = torch.rand(count, generator=generator) < flip
    corners = torch.randint(0, 2 * pad + 1, (2, count), generator=generator).T if pad else torch.zeros(count, 2, dtype=torch.int64)
    rectangles = _rectangles(count, *size, generator)
    erased = rectangles * (torch.rand(count, generator=generator) < erase)[:, None]
    return Changes(flipped, corners, erased, pad)


def augment(images: Tensor, changes: Changes) -> Tensor:
    """Training images: uint8 (B, 3, H, W) to normalised float32, changed.

    Flip; `pad` zero pixels around and a crop of the old size; normalisation; then the erased rectangle is filled with
    the *un-normalised* mean, as published. One image at a time, because an image stays in a processor's cache while
    it goes through all of that, and a batch does not.
    """
    height, width = images.shape[2:]
    result = torch.empty(images.shape)
    padded = images.new_zeros(3, height + 2 * changes.pad, width + 2 * changes.pad)
    inside = padded[:, changes.pad : changes.pad + height, changes.pad : changes.pad + width]
    mean, std = _statistics(images.device)
    drawn = zip(changes.flipped.tolist(), changes.corners.tolist(), changes.erased.tolist(), strict=True)
    for image, changed, (flipped, (top, left), (row, column, high, wide)) in zip(images, result, drawn, strict=True):
        inside.copy_(image.flip(2) if flipped else image)
        _normalise(changed.copy_(padded[:, top : top + height, left : left + width]), mean, std)
        changed[:, row : row + high, column : column + wide] = mean
    return result


def _rectangles(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """One random rectangle per image (B, 4), as in `Changes.erased`: the first of ten attempts that fits, or none."""
    area = torch.empty(count, ERASE_ATTEMPTS).uniform_(*ERASE_SCALE, generator=generator) * height * width
    ratio = torch.empty(count, ERASE_ATTEMPTS).uniform_(*map(math.log, ERASE_RATIO), generator=generator).exp()
    high, wide = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (high < height) & (wide < width)
    first = fits.int().argmax(dim=1, keepdim=True)
    high, wide = high.gather(1, first)[:, 0], wide.gather(1, first)[:, 0]  # (B,)
    corner = torch.rand(2, count, generator=generator)
    top, left = (corner[0] * (height - high + 1)).floor(), (corner[1] * (width - wide + 1)).floor()
    return torch.stack([top, left, high, wide], dim=1).long() * fits.any(dim=1, keepdim=True)
