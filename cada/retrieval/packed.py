"""The layers of a text model on captions that lie one after the other, without padding.

Captions of one length are read together, so no mask is needed and no product is spent on padding. On a GPU that is many small calls:
there captions share blocks (`cada.retrieval.blocks`), and each attention is one call. The functions work on the
layers of transformers' BERT and of models built like it: `attention`, `crossattention`, `intermediate`, `output`.

Cross-attention is computed in one of two forms, which differ in rounding alone. By images: the keys W_k x and values W_v x of all
image tokens x, once for all rows that read the image. By queries: q . W_k x = (W_k' q) . x, so a query that has been projected reads
the tokens themselves, and W_v maps the weighted sum of tokens to that of values. The bias of the keys adds the same number to all
scores of a row and falls out of the softmax; that of the values is added to the sum, since the weights sum to one.
Legend: M captions, T tokens of all of them, R rows (T, or M where only position 0 is read), I images, S tokens of an image,
W width of the images, D width of the text, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cada.retrieval.blocks import Blocks, cut, fill
from cada.runtime import compute
from cada.runtime.compute import upload

# A query has H * W numbers once it is projected. So many at a time are enough for the matrix products, few enough for the caches of a CPU.
SLICE = {"cpu": 2**19, "cuda": 2**22}


def _runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Equal neighbours among values (N,): how many, and of what value."""
    cuts = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(stop - start, int(values[start])) for start, stop in pairwise(cuts)]


def _split(rows: Tensor, groups: list[tuple[int, int]]) -> list[Tensor]:
    """Sorted rows (R, ...) as one tensor for each group of images: (images, rows of an image, ...)."""
    parts = rows.split([math.prod(group) for group in groups])
    return [part.unflatten(0, group) for part, group in zip(parts, groups, strict=True)]


@dataclass(frozen=True)
class Packed:
    """Where the tokens of M captions lie; `lengths` (M,) ascend."""

    lengths: np.ndarray
    device: torch.device

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
        return _runs(self.lengths)

    @cached_property
    def tokens(self) -> Blocks:
        """The tokens in blocks of whole captions."""
        block, caption = (np.repeat(each, self.lengths) for each in (fill(self.lengths), np.arange(len(self.lengths))))
        return Blocks.of(np.arange(len(caption)), block, caption, self.device)

    @cached_property
    def firsts(self) -> Blocks:
        """The first tokens alone, in the same blocks."""
        captions = np.arange(len(self.lengths))
        return Blocks.of(captions, fill(self.lengths), captions, self.device)


@dataclass(frozen=True)
class Segments:
    """Rows sorted by the image they read: `order` (R,) puts them together, `inverse` (R,) back.

    `groups` are runs of images that equally many rows read: how many images, and by how many rows each. On a GPU they are one of
    N blocks: `order` has places without a row too, and `shown` (N,) is the image of each, if not simply one after the other.
    """

    order: Tensor
    inverse: Tensor
    groups: list[tuple[int, int]]
    shown: Tensor | None = None

    @classmethod
    def of(cls, images: np.ndarray, count: int, device: torch.device) -> Segments:
        """The segments of rows that read `images` (R,), numbers below `count` = I, each read by one at least."""
        order = np.argsort(images, kind="stable")
        if compute.few_calls(device):
            return cls._in_blocks(order, images[order], device)
        inverse = np.empty_like(order)
        inverse[order] = np.arange(len(order))
        groups = _runs(np.bincount(images, minlength=count))
        return cls(upload(torch.from_numpy(order), device), upload(torch.from_numpy(inverse), device), groups)

    @classmethod
    def _in_blocks(cls, order: np.ndarray, images: np.ndarray, device: torch.device) -> Segments:
        """The rows `order` (R,), which read ascending `images` (R,)."""
        counts = np.bincount(images)
        size, taken = cut(counts)
        first = np.cumsum(counts) - counts
        block = (np.cumsum(taken) - taken)[images] + (np.arange(len(order)) - first[images]) // size
        blocks = Blocks.of(order, block, images, device)
        shown = None if taken.max() == 1 else upload(torch.from_numpy(np.repeat(np.arange(len(counts)), taken)), device)
        return cls(blocks.places, blocks.back, [(blocks.owners.shape[0], blocks.owners.shape[1])], shown)

    def of_blocks(self, images: Tensor) -> Tensor:
        """What each block reads of what there is of each image (I, ...)."""
        return images if self.shown is None else images.index_select(0, self.shown)


def self_attention(block: Any, x: Tensor, packed: Packed, *, rows: Tensor | None = None) -> Tensor:
    """`layer.attention` on packed tokens (T, D) to (T, D), or for the `rows` (M,) alone, one per caption: (M, D)."""
    attention = block.self
    queried = x if rows is None else x.index_select(0, rows)
    if compute.few_calls(x.device):
        asking, tokens = packed.tokens if rows is None else packed.firsts, packed.tokens
        parts = asking.laid(attention.query(queried)), tokens.laid(attention.key(x)), tokens.laid(attention.value(x))
        found = _attend(*parts, heads=attention.num_attention_heads, mask=asking.reads(tokens))
        return block.output(asking.taken(found), queried)
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
    """`layer.crossattention` on rows (R, D), each reading its own of the images' tokens (I, S, W), to (R, D)."""
    attention = block.self
    queries = attention.query(x).index_select(0, segments.order)
    by_images, by_queries = reading_flops(len(x), images.shape, width=x.shape[-1], heads=attention.num_attention_heads)
    read = _read_by_images if by_images <= by_queries else _read_by_queries
    return block.output(read(attention, queries, images, segments).index_select(0, segments.inverse), x)


def reading_flops(rows: int, images: Sequence[int], *, width: int, heads: int) -> tuple[int, int]:
    """Operations from queries (R, D) to what these R = `rows` read in images of shape (I, S, W): by images, and by queries.

    A product of (n, a) and (a, b) is 2nab. By images: keys and values of all tokens, 4 ISWD, then scores and sums, 4 RSD.
    By queries: W_k' and W_v for each row, 4 RWD, then scores and sums as wide as the images for each head, 4 RHSW.
    Where W is D and S many times D / H, that is less for fewer than D / H rows an image.
    """
    count, seen, wide = images
    return 4 * seen * width * (count * wide + rows), 4 * rows * wide * (width + heads * seen)


def _read_by_images(attention: Any, queries: Tensor, images: Tensor, segments: Segments) -> Tensor:
    """What sorted queries (R, D) read in images (I, S, W), by keys and values of the image tokens: (R, D)."""
    counts, heads = [count for count, _ in segments.groups], attention.num_attention_heads
    keys, values = (segments.of_blocks(project(images)).split(counts) for project in (attention.key, attention.value))
    parts = (_split(queries, segments.groups), keys, values)
    return torch.cat([_attend(query, key, value, heads=heads) for query, key, value in zip(*parts, strict=True)])


def _read_by_queries(attention: Any, queries: Tensor, images: Tensor, segments: Segments) -> Tensor:
    """The same by projected queries, some images at a time."""
    heads, groups, (*_, wide) = attention.num_attention_heads, segments.groups, images.shape
    images = segments.of_blocks(images)
    # rounded here once, where autocast would do so for every product
    key, value = (layer.weight.to(queries.dtype).unflatten(0, (heads, -1)) for layer in (attention.key, attention.value))  # (H, D / H, W)
    queries = queries.unflatten(-1, (heads, -1)) * key.shape[1] ** -0.5  # (R, H, D / H)
    context = []
    for query, shown in zip(_split(queries, groups), images.split([count for count, _ in groups]), strict=True):
        count = max(1, SLICE[images.device.type] // (query.shape[1] * heads * wide))
        for asked, tokens in zip(query.split(count), shown.split(count), strict=True):
            projected = torch.einsum("irhd,hdw->ihrw", asked, key)
            weights = torch.einsum("ihrw,isw->ihrs", projected, tokens).softmax(-1)
            read = torch.einsum("ihrs,isw->ihrw", weights, tokens)
            context.append(torch.einsum("ihrw,hdw->irhd", read, value).flatten(2).flatten(0, 1))
    return torch.cat(context) + attention.value.bias


def feed_forward(layer: Any, x: Tensor) -> Tensor:
    """The layer's last part on rows (R, D)."""
    return layer.output(layer.intermediate(x), x)


def _attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int, mask: Tensor | None = None) -> Tensor:
    """Queries (B, L, D) over keys and values (B, S, D), of which `mask` (B, 1, L, S) says what each reads, to rows (B * L, D)."""
    query, key, value = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query, key, value))  # (B, H, L or S, D / H)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2).flatten(0, 1)
