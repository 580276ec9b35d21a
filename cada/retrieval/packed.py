"""The layers of a text model on captions that lie one after the other, without padding.

Captions of one length are read together, so no mask is needed and no product is spent on padding. The functions work on the
layers of transformers' BERT and of models built like it: `attention`, `crossattention`, `intermediate`, `output`.
Legend: M captions, T tokens of all of them, R rows (T, or M where only position 0 is read), I images, S tokens of an image,
W wide, D width of the text, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cada.runtime.compute import upload


@dataclass(frozen=True)
class Packed:
    """Where the tokens of M captions lie; `lengths` (M,) ascend."""

    lengths: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """The row of each caption's first token (M,)."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def positions(self) -> np.ndarray:
        """Each token's place in its caption (T,)."""
        return np.arange(self.lengths.sum()) - np.repeat(self.starts, self.lengths)

    @cached_property
    def groups(self) -> list[tuple[int, int]]:
        """Runs of captions of one length: how many, and how long."""
        cuts = [0, *(np.flatnonzero(np.diff(self.lengths)) + 1).tolist(), len(self.lengths)]
        return [(stop - start, int(self.lengths[start])) for start, stop in pairwise(cuts)]


@dataclass(frozen=True)
class Segments:
    """Rows sorted by the image they read: `order` (R,) puts them together, `inverse` (R,) back; `sizes` (I,) counts them."""

    order: Tensor
    inverse: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, images: np.ndarray, count: int, device: torch.device) -> Segments:
        """The segments of rows that read `images` (R,), numbers below `count` = I."""
        order = np.argsort(images, kind="stable")
        inverse = np.empty_like(order)
        inverse[order] = np.arange(len(order))
        sizes = np.bincount(images, minlength=count).tolist()
        return cls(upload(torch.from_numpy(order), device), upload(torch.from_numpy(inverse), device), sizes)


def self_attention(block: Any, x: Tensor, packed: Packed, *, rows: Tensor | None = None) -> Tensor:
    """`layer.attention` on packed tokens (T, D) to (T, D), or for the `rows` (M,) alone, one per caption: (M, D)."""
    attention = block.self
    queried = x if rows is None else x.index_select(0, rows)
    counts = [count for count, _ in packed.groups]
    sizes = [count * length for count, length in packed.groups]
    queries = attention.query(queried).split(sizes if rows is None else counts)
    keys, values = attention.key(x).split(sizes), attention.value(x).split(sizes)
    context = [
        _attend(*(part.unflatten(0, (count, -1)) for part in parts), heads=attention.num_attention_heads)
        for count, *parts in zip(counts, queries, keys, values, strict=True)
    ]
    return block.output(torch.cat(context), queried)


def cross_attention(block: Any, x: Tensor, images: Tensor, segments: Segments) -> Tensor:
    """`layer.crossattention` on rows (R, D), each reading its own of the images' tokens (I, S, W), to (R, D).

    An image's keys and values are projected once for all rows that read it.
    """
    attention = block.self
    queries = attention.query(x).index_select(0, segments.order).split(segments.sizes)
    keys, values = attention.key(images).split(1), attention.value(images).split(1)
    context = [
        _attend(query[None], key, value, heads=attention.num_attention_heads)
        for query, key, value in zip(queries, keys, values, strict=True)
    ]
    return block.output(torch.cat(context).index_select(0, segments.inverse), x)


def feed_forward(layer: Any, x: Tensor) -> Tensor:
    """The layer's last part on rows (R, D)."""
    return layer.output(layer.intermediate(x), x)


def _attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int) -> Tensor:
    """Queries (B, L, D) over keys and values (B, S, D) to rows (B * L, D)."""
    query, key, value = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query, key, value))  # (B, H, L or S, D / H)
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2).flatten(0, 1)
