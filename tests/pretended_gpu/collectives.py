"""Processes with a pretended GPU each: gloo does what NCCL would, on the numbers, and refuses what NCCL would refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from torch import multiprocessing

from cada.runtime import distributed
from tests.pretended_gpu.device import CUDA, OnGpu, PretendedGpu, WrongDevice, held
from tests.processes import free_port

EXCHANGES = ("all_reduce", "all_gather", "broadcast")


def together(count: int, function: Callable[..., Any], folder: Path, *arguments: Any) -> list[Any]:
    """What `function(*arguments)` returns in each of `count` processes, in order of rank.

    They are forked from this one, which has the hooks; it must not have run a backward pass, whose threads a fork would lose.
    """
    folder.mkdir(parents=True, exist_ok=True)
    multiprocessing.start_processes(_process, args=(count, free_port(), function, folder, arguments), nprocs=count, start_method="fork")
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(count)]


def _process(rank: int, count: int, port: int, function: Callable[..., Any], folder: Path, arguments: tuple[Any, ...]) -> None:
    ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
    os.environ |= ranks | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    with _nccl_by_gloo(), distributed.process_group(CUDA), PretendedGpu():
        torch.save(function(*arguments), folder / f"{rank}.pt")


@contextmanager
def _nccl_by_gloo() -> Iterator[None]:
    begin = dist.init_process_group

    def joined(backend: str) -> None:
        assert "cuda:nccl" in backend, f"{backend} has nothing for tensors on CUDA"
        begin("gloo")

    with ExitStack() as stack:
        stack.enter_context(patch.object(dist, "init_process_group", joined))
        for name in EXCHANGES:
            stack.enter_context(patch.object(dist, name, _exchange(name, getattr(dist, name))))
        yield


def _exchange(name: str, by_gloo: Callable[..., Any]) -> Callable[..., Any]:
    def run(*values: Any, **named: Any) -> Any:
        tensors = [
            tensor for value in values for tensor in (value if isinstance(value, list) else [value]) if isinstance(tensor, torch.Tensor)
        ]
        if len({isinstance(tensor, OnGpu) for tensor in tensors}) > 1:
            raise WrongDevice(f"{name}: tensors of two devices in one exchange")
        if not all(tensor.is_contiguous() for tensor in tensors):
            raise WrongDevice(f"{name}: NCCL takes contiguous tensors alone")
        plain = [[held(tensor) for tensor in value] if isinstance(value, list) else held(value) for value in values]
        return by_gloo(*plain, **named)

    return run
