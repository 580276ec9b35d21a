"""Where a step runs: device, threads, precision, and the processes that share the work."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from cada.errors import CadaError
from cada.runtime import distributed
from cada.runtime.gpus import lease
from cada.runtime.prefetch import prefetched

if TYPE_CHECKING:
    from cada.config import Compute
    from cada.config.steps import Precision

Item = TypeVar("Item")
Result = TypeVar("Result")


def resolve_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one; `cuda` where there is none is an error. With torchrun, each process has its own."""
    if name == "cuda" and not torch.cuda.is_available():
        raise CadaError("compute.device: cuda is set and torch sees none. Use device: auto or cpu, or install the CUDA build.")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise CadaError(f"compute.processes: process {local} has no GPU of its own, {torch.cuda.device_count()} are visible. Start fewer.")
    return torch.device("cuda", local)


def prepare(compute: Compute) -> torch.device:
    """Set the threads of this process and return its device.

    The number of threads is a parameter because it changes the last bits of a sum.
    """
    torch.set_num_threads(compute.threads)
    device = resolve_device(compute.device)
    _multiply_in(compute.precision)  # for backward passes too, which are outside of `autocast`
    if device.type == "cuda":
        torch.cuda.set_device(device)
    elif compute.precision == "tf32" and distributed.is_first():
        print("compute.precision: tf32 is of GPUs alone; on this CPU it is fp32.", file=sys.stderr)
    return device


def _multiply_in(precision: Precision) -> None:
    """How CUDA multiplies matrices of fp32: its convolutions round to tf32 by default, and here fp32 is fp32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def upload(batch: Tensor, device: torch.device) -> Tensor:
    """The batch on `device`; to CUDA from pinned memory, while what came before still runs."""
    if device.type != "cuda" or batch.is_cuda:
        return batch.to(device)
    there = batch.pin_memory().to(device, non_blocking=True)
    there.record_stream(torch.cuda.default_stream(device))  # what another stream has copied is free once this one has read it
    return there


def uploaded(function: Callable[[Item], Result], items: Iterable[Item], device: torch.device) -> Iterator[Result]:
    """`prefetched`, for a `function` that uploads what it makes: a GPU copies it in a stream of its own, beside what it computes."""
    if device.type != "cuda":
        yield from prefetched(function, items)
        return
    copies = torch.cuda.Stream(device)

    def made(item: Item) -> tuple[Result, torch.cuda.Event]:
        with torch.cuda.stream(copies):
            return function(item), copies.record_event()

    for result, copied in prefetched(made, items):
        torch.cuda.current_stream(device).wait_event(copied)  # the GPU waits, and nobody here
        yield result


def few_calls(device: torch.device) -> bool:
    """Whether to pad, or to keep more in memory, where that makes calls few and their shapes known before the numbers: on a GPU.

    There a call costs more than some padding, and a shape that depends on numbers is waited for.
    """
    return device.type == "cuda"


def selected_rows(states: Tensor, selected: Tensor) -> Tensor:
    """The rows (M, ...) of states (B, L, ...) where `selected` (B, L) is true, in order.

    As `states[selected]`, but a `selected` on the CPU makes nobody wait for the device, which need not say how many there are.
    """
    places = selected.flatten().nonzero()[:, 0]
    return states.flatten(0, 1).index_select(0, upload(places, states.device))


@contextlib.contextmanager
def autocast(device: torch.device, precision: Precision) -> Iterator[None]:
    """A context in which matrix products run in `precision`; weights stay in fp32. Of two, the inner one counts."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    _multiply_in(precision)
    try:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def process_count(compute: Compute) -> int:
    """How many processes the step runs in: `auto` is one per visible GPU, and one on a CPU."""
    if compute.processes != "auto":
        return compute.processes
    return torch.cuda.device_count() if resolve_device(compute.device).type == "cuda" else 1


def in_processes(compute: Compute, command: Sequence[str], work: Callable[[torch.device], None], *, batch: int | None = None) -> None:
    """Do `work`, the body of `cada command`, on this process's device, or in as many processes as `compute` says."""
    if not shared_out(compute, command, batch=batch):
        device = prepare(compute)
        with distributed.process_group(device):
            work(device)


def shared_out(compute: Compute, command: Sequence[str], *, batch: int | None = None) -> bool:
    """Run `cada command` in several processes, if `compute` says so; False where the work is to be done here.

    The GPUs are leased first, so that other steps take others.
    torchrun's agent starts them, ends them when one fails, and passes signals on. Under a torchrun of the user's own,
    over several machines for example, each process does its part and nothing is started here. `batch` is how many
    samples there are to share.
    """
    if "WORLD_SIZE" in os.environ:
        return False
    if compute.device != "cpu":
        lease(None if compute.processes == "auto" else compute.processes)
    count = process_count(compute)
    if count == 1:
        return False
    if batch is not None and batch < count:
        raise CadaError(f"compute.processes: {count} processes cannot share a batch of {batch}. Start fewer.")
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main

    os.environ["OMP_NUM_THREADS"] = str(compute.threads)
    try:
        # Without a folder for logs torchrun makes one among the temporary files, and leaves it there.
        main(["--standalone", f"--nproc-per-node={count}", f"--log-dir={os.devnull}", "-m", "cada", *command])
    except SignalException as error:
        raise SystemExit(128 + error.sigval) from error  # as a shell counts
    except ChildFailedError as error:
        raise CadaError(f"cada {' '.join(command)}: one of its {count} processes has failed. Its messages are above.") from error
    return True
