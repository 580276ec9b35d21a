"""Rows of unequal groups in blocks of one size, so that one call of attention reads them all: what a GPU wants.

Legend: R rows, N blocks, S places of a block, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cada.runtime.compute import upload

TOGETHER = 256  # tokens that captions fill together: few places stay empty, and of a caption's products with others' few are in vain
WASTE = 1.25  # places for a row, at most, before an image's rows are cut
ALIGNED = 8  # places, by which the kernels with a mask read


@dataclass(frozen=True)
class Blocks:
    """Where rows (R,) lie: the row at each of the `places` (N * S), any at an empty one; the place of each row, `back` (R,).

    owners (N, S): whose row is there, -1 at an empty place.
    """

    places: Tensor
    back: Tensor
    owners: Tensor

    @classmethod
    def of(cls, rows: np.ndarray, block: np.ndarray, owners: np.ndarray, device: torch.device) -> Blocks:
        """`rows` (R,) in the order in which they are to lie, the block of each, ascending, and whose it is."""
        counts = np.bincount(block)
        size = -(-int(counts.max()) // ALIGNED) * ALIGNED
        place = block * size + np.arange(len(rows)) - (np.cumsum(counts) - counts)[block]
        places, back, whose = np.zeros(len(counts) * size, np.int64), np.empty(len(rows), np.int64), np.full(len(counts) * size, -1)
        places[place], back[rows], whose[place] = rows, place, owners
        found = (upload(torch.from_numpy(values), device) for values in (places, back, whose.reshape(-1, size)))
        return cls(*found)

    def laid(self, rows: Tensor) -> Tensor:
        """Rows (R, D) in their blocks (N, S, D)."""
        return rows.index_select(0, self.places).unflatten(0, self.owners.shape)

    def taken(self, places: Tensor) -> Tensor:
        """What stands at the places (N * S, D), row by row (R, D)."""
        return places.index_select(0, self.back)

    def reads(self, other: Blocks) -> Tensor:
        """Which places of the same block in `other` (N, T) each of these reads: those of its owner, (N, 1, S, T). Empty ones read all."""
        asking = self.owners[:, None, :, None]
        return (asking == other.owners[:, None, None, :]) | (asking < 0)


def fill(lengths: np.ndarray) -> np.ndarray:
    """The block of each caption (M,), in order: as many go into one as fit."""
    ends, block, first, number = np.cumsum(lengths), np.empty(len(lengths), np.int64), 0, 0
    while first < len(lengths):
        stop = max(first + 1, int(np.searchsorted(ends, ends[first] - lengths[first] + TOGETHER, side="right")))
        block[first:stop] = number
        first, number = stop, number + 1
    return block


def cut(counts: np.ndarray) -> tuple[int, np.ndarray]:
    """The size of a block, and how many each image takes (I,), for rows of which `counts` (I,) read it.

    One each where these differ little. Else blocks are half as long as an image has rows in the mean: an image's keys and values are
    there once for each of its blocks.
    """
    size = int(counts.max())
    if size * len(counts) > WASTE * counts.sum():
        size = -(-int(counts.sum()) // (2 * len(counts)))
    return size, -(-counts // size)
