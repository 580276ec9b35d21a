"""The checks of this folder, in processes of their own: torch has no CUDA in this one, and a process has one torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pretended_gpu.hooks import absent

FOLDER = Path(__file__).parent
TOGETHER = [
    ["check_faults.py", "check_processes.py"],  # both fork, which a process that has run a backward pass must not
    ["check_losses.py", "check_training.py", "check_retrieval.py", "check_counts.py", "check_benchmarks.py"],
]


@pytest.mark.skipif(bool(absent()), reason=absent())
@pytest.mark.parametrize("files", TOGETHER, ids=lambda files: ", ".join(file.removeprefix("check_").removesuffix(".py") for file in files))
def test_on_a_pretended_gpu(files: list[str]) -> None:
    own = [name for name in os.environ if name.startswith("PYTEST_")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.pretended_gpu.plugin"]
    run = subprocess.run(
        [*command, *(str(FOLDER / file) for file in files)],
        env={name: value for name, value in os.environ.items() if name not in own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_check_is_run() -> None:
    assert sorted(path.name for path in FOLDER.glob("check_*.py")) == sorted(file for files in TOGETHER for file in files)
