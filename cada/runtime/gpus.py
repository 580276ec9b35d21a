"""Which GPUs a step uses: a lock file for each, so that steps that run at the same time take different ones.

Libraries such as NVML's bindings list the GPUs, as nvidia-smi does; none lends them to processes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 1.0
_leases: list[FileLock] = []  # held until this process ends; the kernel releases them even on SIGKILL


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the names that CUDA_VISIBLE_DEVICES takes; none without NVIDIA's driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    names = dict(enumerate(re.findall(r"UUID: (GPU-[\w-]+)", listed)))
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return list(names.values())
    places = [place.strip() for place in chosen.split(",")]
    found = [names.get(int(place)) if place.lstrip("-").isdigit() else place for place in places]
    return [name for name in found if name]


def lease(count: int | None, *, folder: Path | None = None) -> None:
    """Take `count` GPUs (None: all) until this process ends, and show CUDA those alone. To be called before CUDA starts.

    folder: of the lock files, one for all projects of the user on this machine. Waits where too few are free. Where a
    cluster's scheduler has chosen the GPUs, or there are fewer than `count`, nothing is taken.
    """
    names = visible_gpus()
    wanted = len(names) if count is None else count
    if not names or wanted > len(names) or _leases or "SLURM_JOB_ID" in os.environ:
        return
    _leases.extend(_wait_for(names, wanted, folder or Path(tempfile.gettempdir()) / f"cada-gpus-{os.getuid()}"))
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(Path(held.lock_file).stem for held in _leases)


def _wait_for(names: Sequence[str], wanted: int, folder: Path) -> list[FileLock]:
    """Locks of `wanted` GPUs. Too few are given back before the wait, so that two steps never wait for each other."""
    folder.mkdir(parents=True, exist_ok=True)
    announced = False
    while True:
        held: list[FileLock] = []
        for name in names:
            if len(held) == wanted:
                break
            with contextlib.suppress(Timeout):
                lock = FileLock(folder / f"{name}.lock", timeout=0)
                lock.acquire()
                held.append(lock)
        if len(held) == wanted:
            return held
        for lock in held:
            lock.release()
        if not announced:
            print(f"waiting for {wanted} of {len(names)} GPUs: other steps hold the locks in {folder}", file=sys.stderr, flush=True)
            announced = True
        time.sleep(POLL_SECONDS)
