"""A pass over many rows with the activations of a few in memory.

`in_chunks`: the rows go through in chunks whose activations are thrown away and computed again in the backward pass, so a loss
over the whole batch (which needs every feature at once) has its exact gradient at the memory of one chunk. Dropout draws the
same again. `summed`: a loss that is a sum over rows needs no second computation, for each chunk has its gradient at once,
and what is computed after it does not lie beside its activations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
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


SCALED_AT_ONCE = 32  # gradients, which a GPU scales in a kernel or a few
ChunkLoss = Callable[..., Tensor]  # of a slice of the rows, and the inputs


def summed(
    loss: ChunkLoss, inputs: Sequence[Tensor], parameters: Iterable[Tensor], *, count: int, size: int | None, weight: float = 1.0
) -> Tensor:
    """The sum of `loss(rows, *inputs)` over chunks of `size` of the `count` rows (None: all at once), a scalar.

    Its gradient to `inputs`, each of any shape, and to `parameters` is computed with it, so the activations of a chunk are gone
    when the next begins, and nothing is left of them for the backward pass. `weight` is what the caller multiplies the sum by:
    gradients are computed of the weighted loss, as they would be in the backward pass, and have the same bits.
    """
    step = size or count
    chunks = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    if not torch.is_grad_enabled():
        return torch.stack([loss(rows, *inputs) for rows in chunks]).sum()
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    total: Tensor = _Summed.apply(loss, chunks, weight, len(inputs), *inputs, *trained)
    return total


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: ChunkLoss, chunks: list[slice], weight: float, count: int, *given: Tensor) -> Tensor:
        inputs, parameters = [tensor.detach().requires_grad_() for tensor in given[:count]], given[count:]
        leaves = (*inputs, *parameters)
        values: list[Tensor] = []
        gradients: list[Tensor | None] = [None] * len(leaves)
        for rows in chunks:
            with torch.enable_grad():
                value = loss(rows, *inputs)
            found = torch.autograd.grad(value, leaves, torch.full_like(value, weight), allow_unused=True)
            gradients = [new if old is None else old if new is None else old + new for old, new in zip(gradients, found, strict=True)]
            values.append(value.detach())
        ctx.gradients, ctx.weight = gradients, weight
        return torch.stack(values).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients, factor = ctx.gradients, upstream / ctx.weight
        ctx.gradients = None
        scaled: list[Tensor | None] = []
        while gradients:  # these go before the next ones are scaled
            some, gradients = gradients[:SCALED_AT_ONCE], gradients[SCALED_AT_ONCE:]
            known = [gradient for gradient in some if gradient is not None]
            products = iter(torch._foreach_mul(known, factor) if known else ())
            scaled += [None if gradient is None else next(products) for gradient in some]
        return (None, None, None, None, *scaled)
