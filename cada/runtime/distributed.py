"""Several processes that share one step's work: who does which rows, and how results and gradients meet.

Without a process group there is one process, and every function here does nothing. Every process sees the same seeds and
draws for the whole batch; it computes its own rows only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

BUCKET = 2**24  # elements of gradients that are exchanged at once: 64 MB of copies beside 1.4 GB of gradients


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes files and speaks."""
    return rank() == 0


def silent() -> bool | None:
    """tqdm's `disable`: only the first process shows progress, and only on a terminal."""
    return None if is_first() else True


def own_rows(count: int) -> slice:
    """The rows of `count` that are this process's: contiguous, numbers that differ by one at most."""
    return slice(count * rank() // size(), count * (rank() + 1) // size())


@contextlib.contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the processes that torchrun started: gloo for tensors on the CPU, NCCL for those on CUDA. Nothing to join: nothing done.

    After an error nobody waits for the others, who may be in the middle of an exchange: torchrun ends them.
    """
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    yield
    dist.destroy_process_group()


def gather(rows: Tensor, count: int) -> Tensor:
    """The rows of all processes (count, ...) in order, from this one's `own_rows(count)`.

    Differentiable: a row's gradient is the sum over all processes, so the objective is the sum of what each process
    minimises.
    """
    return _Gather.apply(rows, count) if size() > 1 else rows


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, count: int) -> Tensor:
        ctx.count = count
        longest = -(-count // size())
        padded = rows.new_zeros(longest, *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in range(size())]
        dist.all_gather(parts, padded)
        lengths = [count * (place + 1) // size() - count * place // size() for place in range(size())]
        return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].contiguous()
        dist.all_reduce(gradient)
        return gradient[own_rows(ctx.count)], None


def total(values: Tensor) -> Tensor:
    """The sum of `values` over all processes, without gradient. Where each element is written by one process alone, a merge."""
    values = values.detach().clone()
    if size() > 1:
        dist.all_reduce(values)
    return values


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its sum over all processes, in exchanges of BUCKET elements or a little more."""
    if size() == 1:
        return
    buckets: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            bucket = buckets.setdefault(parameter.grad.dtype, [])
            bucket.append(parameter.grad)
            if sum(gradient.numel() for gradient in bucket) >= BUCKET:
                _sum_in_place(buckets.pop(parameter.grad.dtype))
    for bucket in buckets.values():
        _sum_in_place(bucket)


def _sum_in_place(gradients: list[Tensor]) -> None:
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def wait_for_all() -> None:
    """Return when every process has come here."""
    if size() > 1:
        dist.barrier()
