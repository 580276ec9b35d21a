"""Real processes lease GPUs of a machine that only `nvidia-smi` believes in."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cada.runtime import gpus
from cada.runtime.gpus import visible_gpus
from tests import locks
from tests.messages import refused

LEASE = """
import os, sys, time
from pathlib import Path
from cada.runtime import gpus
gpus.POLL_SECONDS = 0.05
gpus.lease(None if sys.argv[2] == "all" else int(sys.argv[2]), folder=Path(sys.argv[1]))
print(os.environ.get("CUDA_VISIBLE_DEVICES", "any"), flush=True)
time.sleep(60)
"""
Step = subprocess.Popen[str]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the machine that many GPUs: GPU-0, GPU-1, ...; the last ones of which have MIG instances, and some are held by others."""

    def make(count: int, *, instances: int = 0, held: Sequence[int] = ()) -> None:
        lines = [f"GPU {place}: NVIDIA H200 (UUID: GPU-{place})" for place in range(count)]
        lines += [f"  MIG 1g.18gb     Device  {part}: (UUID: MIG-{part})" for part in range(instances)]
        used = [f"GPU-{place}, {70000 if place in held else 4}" for place in range(count)]
        command = tmp_path / "bin" / "nvidia-smi"
        command.parent.mkdir(exist_ok=True)
        cases = [f"{option}*) cat <<'END'\n" + "\n".join(text) + "\nEND\n;;" for option, text in (("-L", lines), ("--query-gpu", used))]
        command.write_text('#!/bin/sh\ncase "$1" in\n' + "\n".join(cases) + "\nesac\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")

    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    return make


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Step]]:
    """Start a step that leases GPUs and prints which."""
    steps: list[Step] = []

    def begin(count: int | str, **environment: str) -> Step:
        command = [sys.executable, "-c", LEASE, str(tmp_path / "locks"), str(count)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        steps.append(subprocess.Popen(command, env=os.environ | environment, **pipes))
        return steps[-1]

    yield begin
    for step in steps:
        step.kill()
        step.communicate()


def gpus_of(step: Step) -> list[str]:
    """What the step was given, once it was."""
    assert step.stdout is not None
    return step.stdout.readline().strip().split(",")


def waits(step: Step) -> bool:
    assert step.stderr is not None
    return step.stderr.readline().startswith("waiting for")


def test_steps_take_different_gpus_and_wait_for_a_free_one(machine: Callable[..., None], start: Callable[..., Step]) -> None:
    machine(3)
    steps = [start(1) for _ in range(3)]
    taken = [gpus_of(step) for step in steps]
    assert sorted(taken) == [["GPU-0"], ["GPU-1"], ["GPU-2"]]
    late = start(1)
    assert waits(late)
    steps[1].kill()  # by SIGKILL: the step itself can give nothing back
    assert gpus_of(late) == taken[1]


def test_a_step_of_several_processes_takes_as_many_at_once(machine: Callable[..., None], start: Callable[..., Step]) -> None:
    machine(3)
    one, two = start(1), start(2)
    assert sorted([*gpus_of(one), *gpus_of(two)]) == ["GPU-0", "GPU-1", "GPU-2"]
    everything = start("all")
    assert waits(everything)
    one.kill()
    two.kill()
    assert gpus_of(everything) == ["GPU-0", "GPU-1", "GPU-2"]


def test_only_the_visible_gpus_are_taken(machine: Callable[..., None], start: Callable[..., Step]) -> None:
    machine(4)
    assert gpus_of(start("all", CUDA_VISIBLE_DEVICES="3,GPU-1")) == ["GPU-3", "GPU-1"]
    rest = start(2)
    assert gpus_of(rest) == ["GPU-0", "GPU-2"]


def test_names_may_be_cut_and_an_unknown_one_ends_the_list(machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    machine(12)
    for chosen, names in {
        "GPU-3,GPU-11": ["GPU-3", "GPU-11"],
        "GPU-1": [],  # GPU-1, GPU-10 or GPU-11
        "2,-1,3": ["GPU-2"],
        "2,NoDevFiles": ["GPU-2"],
        "2, 2,99,3": ["GPU-2"],
    }.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert visible_gpus() == names, chosen


def test_in_a_job_of_slurms_its_steps_take_different_gpus(machine: Callable[..., None], start: Callable[..., Step]) -> None:
    machine(4)
    job = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "2,3"}
    assert sorted([*gpus_of(start(1, **job)), *gpus_of(start(1, **job))]) == ["GPU-2", "GPU-3"]
    assert waits(start(1, **job))


def test_a_gpu_that_others_hold_is_taken_last(machine: Callable[..., None], start: Callable[..., Step]) -> None:
    machine(3, held=[0])
    assert gpus_of(start(2)) == ["GPU-1", "GPU-2"]
    assert gpus_of(start(1)) == ["GPU-0"]


def test_a_folder_without_locks_is_named(machine: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(1)
    monkeypatch.setattr("fcntl.flock", fcntl.flock)  # it is put back after the test
    locks.refuse_locks(errno.ENOLCK)
    with refused(f"{tmp_path / 'locks'}: ", "locked", os.strerror(errno.ENOLCK)):
        gpus.lease(1, folder=tmp_path / "locks")


def test_instances_are_taken_one_by_one(machine: Callable[..., None], start: Callable[..., Step]) -> None:
    machine(1, instances=2)
    assert sorted([*gpus_of(start("all")), *gpus_of(start(1, CUDA_VISIBLE_DEVICES="0"))]) == ["MIG-0", "MIG-1"]
    assert waits(start(1))
    assert gpus_of(start(2)) == ["any"]
    older = {"CUDA_VISIBLE_DEVICES": "MIG-GPU-7/3/0"}
    assert gpus_of(start(1, **older)) == ["MIG-GPU-7/3/0"]
    assert waits(start(1, **older))


def test_without_nvidia_smi_the_driver_lists_the_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place, name in (("0000:9b:00.0", "GPU-b"), ("0000:1b:00.0", "GPU-a")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text(f"Model: \t\t NVIDIA H200\nGPU UUID: \t {name}\nDevice Minor: \t 0\n")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(gpus, "DRIVER", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus() == ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(("count", "environment"), [(2, {}), (1, {"CUDA_VISIBLE_DEVICES": ""})])
def test_nothing_is_taken_where_there_are_too_few(
    machine: Callable[..., None], start: Callable[..., Step], count: int, environment: dict[str, str]
) -> None:
    machine(1)
    assert gpus_of(start(count, **environment)) == [environment.get("CUDA_VISIBLE_DEVICES", "any")]


def test_without_the_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
