"""Changes of the pictures that the image encoder reads, after resizing; one function a kind.

Legend: B pictures of a batch, H height, W width. Pictures are uint8 (B, 3, H, W) before and after.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from cada.datasets.images import MEAN
from cada.synthpedes.randomness import Stream

PictureChange = Callable[[Tensor, Sequence[Stream]], Tensor]

_REACH = 3  # standard deviations of a Gaussian that are computed


def picture_changes(*, blur: float, darkness: float, occlusion: float, low_resolution: float) -> dict[str, PictureChange]:
    """Kind to change, which is given the pictures and a random stream for each; units are those of `cada.config.ImageProbes`."""

    def plain(change: Callable[[Tensor], Tensor]) -> PictureChange:
        return lambda pictures, _: change(pictures)

    return {
        "blur": plain(functools.partial(blurred, sigma=blur)),
        "darkness": plain(functools.partial(darkened, brightness=darkness)),
        "occlusion": functools.partial(occluded, share=occlusion),
        "low_resolution": plain(functools.partial(shrunk, factor=low_resolution)),
    }


def blurred(pictures: Tensor, *, sigma: float) -> Tensor:
    """A Gaussian blur of standard deviation `sigma` * H pixels; the picture is mirrored at its edges."""
    deviation = sigma * pictures.shape[2]
    reach = min(math.ceil(_REACH * deviation), *(size - 1 for size in pictures.shape[2:]))
    weights = torch.exp(-((torch.arange(-reach, reach + 1) / deviation) ** 2) / 2)
    weights = weights / weights.sum()
    planes = pictures.flatten(0, 1)[:, None].float()  # (3B, 1, H, W)
    rows = F.conv2d(F.pad(planes, (0, 0, reach, reach), mode="reflect"), weights[None, None, :, None])
    both = F.conv2d(F.pad(rows, (reach, reach, 0, 0), mode="reflect"), weights[None, None, None, :])
    return _as_bytes(both).view_as(pictures)


def darkened(pictures: Tensor, *, brightness: float) -> Tensor:
    """Each value times `brightness`."""
    return _as_bytes(pictures.float() * brightness)


def occluded(pictures: Tensor, randoms: Sequence[Stream], *, share: float) -> Tensor:
    """A rectangle of the picture's own proportions over `share` of it, anywhere, in the mean colour that the encoder reads as 0."""
    height, width = pictures.shape[2:]
    high, wide = round(height * math.sqrt(share)), round(width * math.sqrt(share))
    fill = _as_bytes(torch.tensor(MEAN)[:, None, None] * 255)
    changed = pictures.clone()
    for picture, random in zip(changed, randoms, strict=True):
        top, left = random.between(0, height - high), random.between(0, width - wide)
        picture[:, top : top + high, left : left + wide] = fill
    return changed


def shrunk(pictures: Tensor, *, factor: float) -> Tensor:
    """Shrink height and width by `factor` (means over areas), then enlarge again (bilinear)."""
    height, width = pictures.shape[2:]
    small = F.interpolate(pictures.float(), size=(max(1, round(height / factor)), max(1, round(width / factor))), mode="area")
    return _as_bytes(F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False))


def _as_bytes(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)
