"""Floating-point operations: counted by torch while they are done, and for re-ranking by a formula that the tests hold against torch.

A product of (n, a) and (a, b) is 2nab operations, as in `cada.model.cost`.
Legend: Q captions, K re-ranked, L tokens, S image tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cada.model.cost import image_tokens
from cada.retrieval import packed

if TYPE_CHECKING:
    from cada.config import Architecture


def counted(run: Callable[[], object]) -> int:
    """The operations of the matrix products in `run`."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # products inside other kernels are not seen
        run()
    return counter.get_total_flops()


def reranking_flops(architecture: Architecture, *, lengths: np.ndarray, images: int, top_k: int) -> int:
    """What `cada.retrieval.reranking` does for captions of `lengths` (Q,) with K of `images` each, at two layers or more.

    The first layer's self-attention is done once per caption, images are read in the cheaper form of cross-attention, and in the
    last layer position 0 alone asks. All pairs are in one batch, or as many rows read each image.
    """
    depth, width, inner = architecture.text.depth, architecture.text.width, architecture.text.mlp
    assert depth >= 2, "one layer is the first and the last"
    seen = image_tokens(architecture)
    tokens, squares, pairs = int(lengths.sum()), int((lengths.astype(np.int64) ** 2).sum()), len(lengths) * top_k
    alone = 8 * width**2 * tokens + 4 * width * squares  # four products and attention, once per caption
    asking = 4 * width**2 + 4 * width * inner  # of a token: query and output of cross-attention, and the MLP
    last = (4 * width**2 + 4 * width) * tokens * top_k + 4 * width**2 * pairs  # keys, values and attention; query and output of position 0
    shown = (images, seen, architecture.vision.width)
    read, read_last = (
        min(packed.reading_flops(rows, shown, width=width, heads=architecture.text.heads)) for rows in (tokens * top_k, pairs)
    )
    return (
        alone
        + (depth - 2) * top_k * alone
        + last
        + (depth - 1) * (asking * tokens * top_k + read)
        + asking * pairs
        + read_last
        + 4 * width * pairs  # the match head
    )
