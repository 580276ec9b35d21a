"""A pass over many rows with the activations of a few in memory.

`in_chunks`: the rows go through in chunks whose activations are thrown away and computed again in the backward pass, so a loss
over the whole batch (which needs every feature at once) has its exact gradient at the memory of one chunk. Dropout draws the
same again. `summed`: a loss that is a sum over rows needs no second computation, for each chunk has its gradient at once,
and what is computed after it does not lie beside its activations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from cada.runtime import compute, distributed


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


AT_ONCE = 64  # gradients, which a GPU scales or adds in a kernel or a few
Key = TypeVar("Key")
ChunkLoss = Callable[..., Tensor]  # of a slice of the rows, and the inputs


def summed(
    loss: ChunkLoss, inputs: Sequence[Tensor], parameters: Iterable[Tensor], *, count: int, size: int | None, weight: float = 1.0
) -> Tensor:
    """The sum of `loss(rows, *inputs)` over chunks of `size` of the `count` rows (None: all at once), a scalar.

    Its gradient to `inputs`, each of any shape, and to `parameters` is computed with it, so the activations of a chunk are gone
    when the next begins, and nothing is left of them for the backward pass. `weight` is what the caller multiplies the sum by:
    gradients are computed of the weighted loss, as they would be in the backward pass, and have the same bits.
    Gradients of parameters are for `backward()`: on a GPU `torch.autograd.grad` has those of inputs alone.
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
        gradients: dict[int, Tensor] = {}  # of the leaves that have one, by place
        for rows in chunks:
            with torch.enable_grad():
                value = loss(rows, *inputs)
            found = torch.autograd.grad(value, leaves, torch.full_like(value, weight), allow_unused=True)
            new = {place: gradient for place, gradient in enumerate(found) if gradient is not None}
            del found
            while both := list(islice((place for place in new if place in gradients), AT_ONCE)):
                sums = torch._foreach_add([gradients[place] for place in both], [new.pop(place) for place in both])
                gradients.update(zip(both, sums, strict=True))
            gradients |= new
            values.append(value.detach())
        ctx.gradients, ctx.weight, ctx.parameters = gradients, weight, dict(enumerate(parameters, count))
        return torch.stack(values).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of inputs and parameters.

        One process on a GPU keeps those of parameters until the backward pass has ended, and adds many at a time to what other losses
        have of the same weights: autograd adds each one in a kernel of its own. Several processes exchange each as soon as it is there.
        """
        gradients, factor = ctx.gradients, upstream / ctx.weight
        ctx.gradients = None
        given: list[Tensor | None] = [None] * (len(ctx.needs_input_grad) - 4)
        if compute.few_calls(upstream.device) and distributed.size() == 1:
            late = {parameter: gradients.pop(place) for place, parameter in ctx.parameters.items() if place in gradients}
            torch.autograd.Variable._execution_engine.queue_callback(partial(_accumulate, late, factor))
        for products in _scaled(gradients, factor):
            for place, product in products.items():
                given[place] = product
        return (None, None, None, None, *given)


def _scaled(gradients: dict[Key, Tensor], factor: Tensor) -> Iterator[dict[Key, Tensor]]:
    """The products with `factor`, AT_ONCE at a time, for which their `gradients` go."""
    while places := list(islice(gradients, AT_ONCE)):
        yield dict(zip(places, torch._foreach_mul([gradients.pop(place) for place in places], factor), strict=True))


def _accumulate(gradients: dict[Tensor, Tensor], factor: Tensor) -> None:
    """Add `factor` times its gradient to what each parameter has."""
    for products in _scaled(gradients, factor):
        others = {parameter: parameter.grad for parameter in products if parameter.grad is not None}
        if others:
            torch._foreach_add_([*others.values()], [products.pop(parameter) for parameter in others])
        for parameter, product in products.items():
            parameter.grad = product
