"""Which GPUs a step uses: a lock file for each, so that steps that run at the same time take different ones.

Libraries such as NVML's bindings list the GPUs, as nvidia-smi does; none lends them to processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cada.errors import of_file
from cada.storage.files import kernel_lock

POLL_SECONDS = 1.0
BUSY_MB = 1024  # an idle GPU holds a few hundred for its driver
DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU, by its place on the bus, as nvidia-smi orders them
_leases: list[FileLock] = []  # held until this process ends; the kernel releases them even on SIGKILL


@dataclass(frozen=True)
class Gpu:
    """A GPU by the name that CUDA_VISIBLE_DEVICES takes, and its MIG instances, which are used in its place."""

    name: str
    instances: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.instances or (self.name,)


def visible_gpus() -> list[str]:
    """The GPUs and MIG instances that this process may use, by their names; none without NVIDIA's driver.

    CUDA_VISIBLE_DEVICES takes numbers, names and their beginnings, and as for CUDA, what stands behind an unknown one does not count.
    """
    there, chosen = _listed(), os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return [name for gpu in there for name in gpu.names]
    found: list[str] = []
    for place in map(str.strip, chosen.split(",")):
        if not (names := _named(place, there)):
            break
        found += names
    return list(dict.fromkeys(found))


def _named(place: str, there: Sequence[Gpu]) -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES means by a place: nothing, a GPU, or the instances of one."""
    if place.isdigit():
        return there[int(place)].names if int(place) < len(there) else ()
    gpus = [gpu for gpu in there if place and gpu.name.startswith(place)]
    if len(gpus) == 1:
        return gpus[0].names
    instances = [name for gpu in there for name in gpu.instances if place and name.startswith(place)]
    if len(instances) == 1:
        return (instances[0],)
    return (place,) if place.startswith("MIG-") and not instances else ()  # MIG-GPU-<name>/<instance>/<instance>, as older drivers write


def _listed() -> list[Gpu]:
    """All GPUs by nvidia-smi, without it as the driver or, at last, torch lists them."""
    found: list[Gpu] = []
    for name in re.findall(r"UUID: ((?:GPU|MIG)-[^)\s]+)", _nvidia_smi("-L")):
        if name.startswith("GPU-"):
            found.append(Gpu(name))
        else:  # below the GPU that it is a part of
            found[-1] = Gpu(found[-1].name, (*found[-1].instances, name))
    if found:
        return found
    texts = [path.read_text() for path in sorted(DRIVER.glob("*/information"))]
    names = [match[1] for text in texts if (match := re.search(r"GPU UUID:\s*(GPU-\S+)", text))]
    if names:
        return [Gpu(name) for name in names]
    import torch

    return [Gpu(str(place)) for place in range(torch.cuda.device_count())]


def _nvidia_smi(*arguments: str) -> str:
    """What nvidia-smi prints; nothing where it is not installed or finds no driver."""
    if shutil.which("nvidia-smi") is None:
        return ""
    run = subprocess.run(["nvidia-smi", *arguments], capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else ""


def _busy() -> set[str]:
    """The GPUs whose memory somebody holds."""
    lines = [line.split(", ") for line in _nvidia_smi("--query-gpu=uuid,memory.used", "--format=csv,noheader,nounits").splitlines()]
    return {name for name, used in lines if used.isdigit() and int(used) > BUSY_MB}


def lease(count: int | None, *, folder: Path | None = None) -> None:
    """Take `count` GPUs (None: all) until this process ends, and show CUDA those alone. To be called before CUDA starts.

    folder: of the lock files, one for all projects of the user on this machine. Waits where too few are free; GPUs that work without
    a lease holds are taken last. Where there are fewer than `count`, nothing is taken. In a job of Slurm's, it is of the job's GPUs. MIG
    instances cannot work together: of these, all is one.
    """
    names = visible_gpus()
    alone = any(name.startswith("MIG-") for name in names)
    wanted = count if count is not None else 1 if alone else len(names)
    if not names or wanted > (1 if alone else len(names)) or _leases:
        return
    busy = _busy()
    order = sorted(names, key=lambda name: name in busy)
    taken = _wait_for(order, wanted, folder or Path(tempfile.gettempdir()) / f"cada-gpus-{os.getuid()}")
    _leases.extend(taken.values())
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(name for name in names if name in taken)


def _wait_for(names: Sequence[str], wanted: int, folder: Path) -> dict[str, FileLock]:
    """Locks of `wanted` GPUs, by their names. Too few are given back before the wait, so that two steps never wait for each other."""
    folder.mkdir(parents=True, exist_ok=True)
    announced = False
    while True:
        held: dict[str, FileLock] = {}
        for name in names:
            if len(held) == wanted:
                break
            lock = kernel_lock(folder / f"{name.replace('/', '_')}.lock", timeout=0)
            try:
                lock.acquire()
                held[name] = lock
            except Timeout:  # another step's
                continue
            except OSError as error:
                raise of_file(error, error.filename or folder, "cannot be locked") from error
        if len(held) == wanted:
            return held
        for lock in held.values():
            lock.release()
        if not announced:
            print(f"waiting for {wanted} of {len(names)} GPUs: other steps hold the locks in {folder}", file=sys.stderr, flush=True)
            announced = True
        time.sleep(POLL_SECONDS)
