"""Position embeddings of an image encoder for another grid of patches.

Legend: P patches, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def grid_of(image_size: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches; sizes are (height, width)."""
    return image_size[0] // patch_size[0], image_size[1] // patch_size[1]


def resize_positions(embedding: Tensor, *, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Position embeddings (1, 1 + P, D) of the grid `old` (rows, columns), resized bicubically to the grid `new`.

    [CLS], the first, is kept; grids need not be square. As in BLIP's published code, corners are not aligned.
    Errors: `ValueError` where `old` is not the embedding's grid.
    """
    if embedding.shape[1] != 1 + old[0] * old[1]:
        raise ValueError(f"{embedding.shape[1]} positions are not [CLS] and a grid of {old[0]} x {old[1]}")
    if old == new:
        return embedding
    first, patches = embedding[:, :1], embedding[:, 1:]
    field = patches.unflatten(1, old).permute(0, 3, 1, 2)  # (1, D, rows, columns)
    resized = F.interpolate(field, size=new, mode="bicubic", align_corners=False)
    return torch.cat([first, resized.flatten(2).transpose(1, 2)], dim=1)
