"""What a program ends with where its user has to act is lines; what is a fault of its code keeps its traceback."""

from __future__ import annotations

import pytest

from cada.runtime.console import console
from tests.messages import line_with


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 7.28 TiB for an array"),  # numpy's
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8000000000000 bytes."),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee the documentation"),
        RuntimeError("std::bad_alloc"),
    ],
    ids=["plain", "numpy", "torch", "cuda", "c++"],
)
def test_too_little_memory_is_a_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, console("cada"):
        raise error
    assert ended.value.code == 1
    reason = str(error).partition("\n")[0] or "MemoryError"
    assert line_with(capsys.readouterr().err, "cada", "memory", reason, "batch_size")


@pytest.mark.parametrize(
    "reason",
    [
        "[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:1738: Connection reset by peer. This is typically caused by",
        "[gloo/transport/tcp/pair.cc:542] Connection closed by peer [127.0.0.1]:27461",
        "[gloo/transport/tcp/pair.cc:446] writev [127.0.0.1]:27461: Broken pipe",
        "NCCL error in: NCCLUtils.cpp, remote process exited or there was a network error",
        "Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown or crash?",
    ],
    ids=["gloo's reset", "gloo's close", "gloo's pipe", "nccl", "the store"],
)
def test_a_process_whose_peer_has_ended_says_so_in_a_line(reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, console("cada"):
        raise RuntimeError(reason)
    assert ended.value.code == 1
    assert line_with(capsys.readouterr().err, "cada", "Another process of this step has ended")


def test_any_other_error_of_torch_is_a_fault() -> None:
    with pytest.raises(RuntimeError, match="shapes"), console("cada"):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_torch_says_so_of_a_tensor_that_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    with pytest.raises(SystemExit), console("cada"):
        torch.empty(2**55)
    assert line_with(capsys.readouterr().err, "memory", 2**57)
