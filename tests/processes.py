"""Several real processes that run one function, joined by gloo."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing

from cada.runtime import distributed
from tests.forked import CONTEXT


def together(count: int, function: Callable[..., Any], folder: Path, *arguments: Any) -> list[Any]:
    """What `function(*arguments)` returns in each of `count` processes, in order of rank; `folder` is scratch space."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    multiprocessing.start_processes(
        _process, args=(count, port, function, folder, arguments), nprocs=count, start_method=CONTEXT.get_start_method()
    )
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(count)]


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _process(rank: int, count: int, port: int, function: Callable[..., Any], folder: Path, arguments: tuple[Any, ...]) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    with distributed.process_group(torch.device("cpu")):
        torch.save(function(*arguments), folder / f"{rank}.pt")
