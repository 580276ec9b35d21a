"""Where a step runs: device, threads, deterministic kernels."""

from __future__ import annotations

import torch

from cada.config import Compute
from cada.errors import CadaError


def resolve_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one; asking for CUDA where there is none is an error."""
    if name == "cuda" and not torch.cuda.is_available():
        raise CadaError("compute.device: cuda is asked for and torch sees none. Use device: auto or cpu, or install the CUDA build.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def prepare(compute: Compute) -> torch.device:
    """Set the threads of this process and return its device.

    The number of threads is a parameter because it changes the last bits of a sum.
    """
    torch.set_num_threads(compute.threads)
    return resolve_device(compute.device)
