"""Changes of the images that the image encoder reads, after resizing; one function for each kind.

Legend: B images of a batch, H height, W width. Images are uint8 (B, 3, H, W) before and after.
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

ImageChange = Callable[[Tensor, Sequence[Stream]], Tensor]

_REACH = 3  # standard deviations of a Gaussian that are computed


def image_changes(*, blur: float, darkness: float, occlusion: float, low_resolution: float) -> dict[str, ImageChange]:
    """Kind to change, a function of images and a random stream for each; units are those of `cada.config.ImageProbes`."""

    def plain(change: Callable[[Tensor], Tensor]) -> ImageChange:
        return lambda images, _: change(images)

    return {
        "blur": plain(functools.partial(blurred, sigma=blur)),
        "darkness": plain(functools.partial(darkened, brightness=darkness)),
        "occlusion": functools.partial(occluded, share=occlusion),
        "low_resolution": plain(functools.partial(shrunk, factor=low_resolution)),
    }


def blurred(images: Tensor, *, sigma: float) -> Tensor:
    """A Gaussian blur with a standard deviation of `sigma` * H pixels; the image is mirrored at its edges."""
    deviation = sigma * images.shape[2]
    reach = min(math.ceil(_REACH * deviation), *(size - 1 for size in images.shape[2:]))
    weights = torch.exp(-((torch.arange(-reach, reach + 1) / deviation) ** 2) / 2)
    weights = weights / weights.sum()
    planes = images.flatten(0, 1)[:, None].float()  # (3B, 1, H, W)
    rows = F.conv2d(F.pad(planes, (0, 0, reach, reach), mode="reflect"), weights[None, None, :, None])
    both = F.conv2d(F.pad(rows, (reach, reach, 0, 0), mode="reflect"), weights[None, None, None, :])
    return _as_bytes(both).view_as(images)


def darkened(images: Tensor, *, brightness: float) -> Tensor:
    """Each value times `brightness`."""
    return _as_bytes(images.float() * brightness)


def occluded(images: Tensor, randoms: Sequence[Stream], *, share: float) -> Tensor:
    """A rectangle of the image's proportions over `share` of it, anywhere, in the mean colour that the encoder reads as 0."""
    height, width = images.shape[2:]
    high, wide = round(height * math.sqrt(share)), round(width * math.sqrt(share))
    fill = _as_bytes(torch.tensor(MEAN)[:, None, None] * 255)
    changed = images.clone()
    for image, random in zip(changed, randoms, strict=True):
        top, left = random.between(0, height - high), random.between(0, width - wide)
        image[:, top : top + high, left : left + wide] = fill
    return changed


def shrunk(images: Tensor, *, factor: float) -> Tensor:
    """Shrink height and width by `factor` (means over areas), then enlarge again (bilinear)."""
    height, width = images.shape[2:]
    small = F.interpolate(images.float(), size=(max(1, round(height / factor)), max(1, round(width / factor))), mode="area")
    return _as_bytes(F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False))


def _as_bytes(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)
