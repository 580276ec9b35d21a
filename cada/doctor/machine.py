"""The machine and what is installed on it: versions, devices, memory, disks, and how fast matrices are multiplied.

torch and the standard library know them all; psutil would be a package for one number.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cada.runtime.compute import autocast

if TYPE_CHECKING:
    from cada.config.steps import Precision

PACKAGES = {"torch": "torch", "transformers": "transformers", "Snakemake": "snakemake", "DVC": "dvc", "MLflow": "mlflow"}
SIDE = {"cpu": 1024, "cuda": 8192}  # of the matrices that are timed


@dataclass(frozen=True)
class Device:
    """Where a step may run; memory in bytes."""

    name: str
    device: torch.device
    memory: int
    bf16: bool


def installed() -> dict[str, str | None]:
    """Versions by name; None where a package is missing."""
    return {name: _version(package) for name, package in PACKAGES.items()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> Device:
    """The CPU with the machine's memory."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Device(f"{cores} cores", torch.device("cpu"), memory, bf16=True)


def gpus() -> list[Device]:
    """The GPUs that torch sees."""
    found = []
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        found.append(Device(facts.name, torch.device("cuda", index), facts.total_memory, bf16=facts.major >= 8))  # from Ampere on
    return found


def free_space(folder: Path) -> int:
    """Free bytes where `folder` is or will be."""
    return shutil.disk_usage(_existing(folder)).free


def on_one_disk(*folders: Path) -> bool:
    """Whether the folders are, or will be, on the same file system."""
    return len({_existing(folder).stat().st_dev for folder in folders}) == 1


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.resolve().parent
    return folder


def matrix_rate(device: torch.device, precision: Precision, *, seconds: float = 0.5) -> float:
    """Operations per second in products of square matrices, timed for about `seconds`."""
    side = SIDE[device.type]
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.rand(side, side, device=device).to(kind) for _ in range(2))  # of ones, a GPU draws less power and is faster
    with autocast(device, precision):
        (left @ right).sum().item()  # libraries are loaded on first use
        done, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            (left @ right)[0, 0].item()  # waits for the device
            done += 1
    return done * 2 * side**3 / passed
