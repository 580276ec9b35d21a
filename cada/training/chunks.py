"""A pass over many rows with the activations of a few in memory.

The rows go through in chunks whose activations are thrown away and computed again in the backward pass, so a loss over
the whole batch (which needs every feature at once) has its exact gradient at the memory of one chunk. Dropout draws the
same again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_chunks(function: Callable[..., Any], size: int | None, *rows: Tensor) -> Any:
    """`function` of tensors with as many rows each, `size` rows at a time (None: all at once).

    It returns a tensor, or a tuple of tensors, whose rows belong to those of its input.
    """
    if size is None or size >= len(rows[0]):
        return function(*rows)
    pieces = zip(*(tensor.split(size) for tensor in rows), strict=True)
    parts = [checkpoint(function, *piece, use_reentrant=False) for piece in pieces]
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))
