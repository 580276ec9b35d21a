"""Several processes that share one step's work: who does which rows, and how results and gradients meet.

Without a process group there is one process, and every function here does nothing. Every process sees the same seeds and
draws for the whole batch; it computes its own rows only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

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


class GradientSum:
    """Replaces the gradient of each parameter by its sum over all processes, in exchanges of BUCKET elements or a little more.

    With `early` an exchange begins within the backward pass, of which a step has one, as soon as its gradients are there and the one
    before it has begun: in all processes in one order. Which parameters have a gradient is seen in the first step, which is not early.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, early: bool = False) -> None:
        self._parameters, self._early = list(parameters), early
        self._buckets: list[list[nn.Parameter]] = []
        self._missing: list[int] = []  # gradients of each bucket that are not there yet
        self._begun: list[Callable[[], None]] = []
        self._hooks: list[RemovableHandle] = []

    def finish(self) -> None:
        """To be called after the backward pass."""
        if size() == 1:
            return
        self._begin(all_of_them=True)
        for end in self._begun:
            end()
        known = {id(parameter) for bucket in self._buckets for parameter in bucket}
        rest = _buckets(parameter for parameter in self._parameters if parameter.grad is not None and id(parameter) not in known)
        for bucket in rest:
            _exchange(bucket)()
        if self._early:
            self._expect([bucket[::-1] for bucket in rest[::-1]])
        self._begun, self._missing = [], [len(bucket) for bucket in self._buckets]

    def close(self) -> None:
        """Leave the parameters alone."""
        for hook in self._hooks:
            hook.remove()

    def _expect(self, buckets: list[list[nn.Parameter]]) -> None:
        for place, bucket in enumerate(buckets, len(self._buckets)):
            self._hooks += [parameter.register_post_accumulate_grad_hook(partial(self._came, place)) for parameter in bucket]
        self._buckets += buckets

    def _came(self, place: int, _parameter: Tensor) -> None:
        self._missing[place] -= 1
        self._begin()

    def _begin(self, *, all_of_them: bool = False) -> None:
        while len(self._begun) < len(self._buckets) and (all_of_them or not self._missing[len(self._begun)]):
            self._begun.append(_exchange(self._buckets[len(self._begun)]))


def _buckets(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    found: list[list[nn.Parameter]] = []
    for parameter in parameters:
        if not found or sum(other.numel() for other in found[-1]) >= BUCKET:
            found.append([])
        found[-1].append(parameter)
    return found


def _exchange(bucket: list[nn.Parameter]) -> Callable[[], None]:
    """Begin to sum the gradients of a bucket; what is returned ends it."""
    gradients = [parameter.grad for parameter in bucket if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    work = dist.all_reduce(flat, async_op=True)

    def end() -> None:
        work.wait()
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    return end


def wait_for_all() -> None:
    """Return when every process has come here."""
    if size() > 1:
        dist.barrier()
