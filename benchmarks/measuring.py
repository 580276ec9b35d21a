"""Time and memory of ways to do the same work, in turn, so that what else the machine does hits all of them."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cada.doctor.machine import matrix_rate
from cada.storage import git

if TYPE_CHECKING:
    from cada.config.steps import Precision

Results = dict[str, Any]  # flat, ready for JSON; a name ends with its unit
CPU_FACTS, PROCESS = Path("/proc/cpuinfo"), Path("/proc/self")
PEAK_SECONDS = 2.0  # of matrix products for the device's peak


@dataclass(frozen=True)
class Machine:
    """Where it is measured, and the matrix products per second that it is measured against; without `bf16` that is no faster."""

    device: torch.device
    fp32: float
    bf16: float | None

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions worth measuring."""
        return ("fp32",) if self.bf16 is None else ("fp32", "bf16")

    def peak(self, precision: Precision) -> float:
        """Operations per second."""
        rate = self.fp32 if precision == "fp32" else self.bf16
        assert rate is not None, "bf16 is not faster here"
        return rate


def machine_of(device: torch.device, *, threads: int, seconds: float = PEAK_SECONDS) -> Machine:
    """Set the threads and time matrix products."""
    torch.set_num_threads(threads)
    fp32, bf16 = (matrix_rate(device, precision, seconds=seconds) for precision in ("fp32", "bf16"))
    return Machine(device, fp32, bf16 if bf16 > fp32 else None)


def facts(machine: Machine) -> Results:
    """What the page says about the machine and the commit."""
    return {
        "device": machine.device.type,
        "gpu": torch.cuda.get_device_name(machine.device) if machine.device.type == "cuda" else None,
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": git.commit()[:12] + ("+" if git.dirty() else ""),
        "peak_fp32_gflop_per_s": machine.fp32 / 1e9,
        "peak_bf16_gflop_per_s": None if machine.bf16 is None else machine.bf16 / 1e9,
    }


def _cpu_model() -> str:
    """The name that Linux gives, or Python's on other systems."""
    if CPU_FACTS.exists():
        for line in CPU_FACTS.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@dataclass
class Timing:
    """The rounds of one way: seconds on the wall and on the processor, and the largest memory; None where the system does not tell."""

    wall: list[float]
    cpu: list[float]
    peak_mb: float | None = None

    def median(self) -> float:
        """Of the seconds on the wall."""
        return float(np.median(self.wall))


def alternate(ways: Mapping[str, Callable[[], object]], *, rounds: int, device: torch.device) -> dict[str, Timing]:
    """Run every way once per round, in the order given: A B C A B C."""
    timings = {name: Timing([], []) for name in ways}
    _give_back()
    for _ in range(rounds):
        for name, run in ways.items():
            timing = timings[name]
            _reset_peak(device)
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            timing.wall.append(time.perf_counter() - wall)
            timing.cpu.append(time.process_time() - cpu)
            timing.peak_mb = _peak_mb(device)
    return timings


def _give_back() -> None:
    """What earlier parts have freed goes back to the system. Not between the rounds: a page that comes anew costs time."""
    system = ctypes.CDLL(None)
    if hasattr(system, "malloc_trim"):  # of glibc
        system.malloc_trim(0)


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    elif (PROCESS / "clear_refs").exists():
        (PROCESS / "clear_refs").write_text("5")  # Linux forgets the largest resident set


def _peak_mb(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if not (PROCESS / "status").exists():
        return None
    (line,) = (line for line in (PROCESS / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def rates(name: str, unit: str, count: int, timing: Timing) -> Results:
    """Units per second of `count` units a round: the median and the quartiles; per second of processor time; peak memory."""
    low, middle, high = np.percentile(count / np.array(timing.wall), [25, 50, 75])
    return {
        f"{name}_{unit}_per_s": float(middle),
        f"{name}_{unit}_per_s_q1": float(low),
        f"{name}_{unit}_per_s_q3": float(high),
        f"{name}_{unit}_per_cpu_s": float(np.median(count / np.array(timing.cpu))),
        f"{name}_peak_memory_mb": timing.peak_mb,
    }


def ratio(key: str, ours: str, naive: str, found: Results) -> Results:
    """How many times as fast, by the wall's time and by the processor's; None where ours was not measured."""
    units = {key: "per_s", f"{key}_cpu": "per_cpu_s"}
    return {name: found[f"{ours}_{unit}"] / found[f"{naive}_{unit}"] if f"{ours}_{unit}" in found else None for name, unit in units.items()}


def share(name: str, flops: float, seconds: float, peak: float) -> Results:
    """Operations of one round, and what share of the device's peak they were done at."""
    return {f"{name}_gflop": flops / 1e9, f"{name}_share_of_peak": flops / seconds / peak}
