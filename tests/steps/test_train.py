"""The train step as the operating system treats it: killed at any moment, stopped, started twice, in two processes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from safetensors.torch import load_file

from cada.storage.files import digest
from tests.messages import line_with
from tests.processes import free_port
from tests.steps.conftest import ROOT, Small
from tests.tracked import copy_tracked

TRAIN = "from cada.steps.train import train_variant; train_variant('smoke', 'dual', 0)\n"
MADE = ("results/smoke/models/dual/0/model.safetensors", "results/smoke/history/dual/0.csv")


def save_always(project: Small) -> None:
    project.edit("params/smoke/train.yaml", r"log_every: 3", "log_every: 3\nsave_seconds: 0")


def made(project: Small) -> list[str]:
    return [digest(project.root / name) for name in MADE]


def state_of(project: Small) -> Path | None:
    return next((project.root / ".cada/resume/smoke/dual/0").glob("*.pt"), None)


def wait_until(reached, process, seconds: float = 300.0) -> bool:
    """Whether `reached()` became true before the process ended; `seconds` guard against hanging alone."""
    end = time.monotonic() + seconds
    while process.poll() is None:
        if reached():
            return True
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.001)
    return False


def test_a_training_killed_again_and_again_ends_as_an_unbroken_one(project: Small, tmp_path: Path) -> None:
    unbroken = project.copy(tmp_path / "unbroken")
    unbroken.run(TRAIN)
    save_always(project)
    draw, kills = random.Random(5), 0
    for _ in range(3):
        before = state_of(project) and digest(state_of(project))
        process = project.start(TRAIN)
        if wait_until(lambda before=before: (path := state_of(project)) is not None and digest(path) != before, process):
            time.sleep(draw.uniform(0.0, 0.1))  # in a step, a save, a validation
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 2
    project.run(TRAIN)
    assert made(project) == made(unbroken)
    assert state_of(project) is None
    assert not list(project.root.rglob("*.partial"))


def test_an_edit_of_other_code_keeps_the_state_and_one_of_its_own_code_leaves_it_to_be_found(project: Small, tmp_path: Path) -> None:
    """The project has its own copy of the package, which Python finds first."""
    copy_tracked("cada", project.root / "cada")
    project.edit("params/smoke/train.yaml", "epochs: 2", "epochs: 1")
    save_always(project)
    unbroken = project.copy(tmp_path / "unbroken")
    unbroken.run(TRAIN)

    interrupted(project)
    append(project, "cada/reporting/html/chapter.py", "ANOTHER = 1")
    append(project, "cada/reporting/tables/table.py", "ANOTHER = 1")
    append(project, "cada/losses.py", "# a comment")
    assert "cada resume" not in project.run(TRAIN)
    assert made(project) == made(unbroken)

    state = interrupted(project)
    append(project, "cada/losses.py", "ANOTHER = 1")
    command = re.search(rf"cada (resume .* {state.stem})$", line_with(project.run(TRAIN), "smoke/dual/0", state.stem, "code"))
    assert command is not None
    shutil.rmtree(project.root / "results/smoke/models/dual")
    project.run(f"import sys; sys.argv[1:] = {command[1].split()}\nfrom cada.cli import main; main()")
    assert "cada resume" not in project.run(TRAIN)
    assert made(project) == made(unbroken)
    assert state_of(project) == state, "a state that somebody else's code has made is not deleted with one's own"


def interrupted(project: Small) -> Path:
    """The state that a training leaves when it is killed."""
    process = project.start(TRAIN)
    assert wait_until(lambda: state_of(project) is not None, process)
    process.kill()
    process.communicate()
    state = state_of(project)
    assert state is not None
    return state


def append(project: Small, name: str, line: str) -> None:
    path = project.root / name
    path.write_text(f"{path.read_text()}\n{line}\n")


def test_an_orphan_and_its_successor_never_both_write(project: Small) -> None:
    save_always(project)
    orphan = project.start(TRAIN)
    assert wait_until(lambda: state_of(project) is not None, orphan)
    orphan.send_signal(signal.SIGSTOP)
    before = digest(state_of(project))
    successor = project.start(TRAIN)
    _, errors = successor.communicate()
    assert successor.returncode == 1
    assert line_with(errors, "smoke/dual/0", f"PID {orphan.pid}")
    assert digest(state_of(project)) == before
    orphan.send_signal(signal.SIGCONT)
    _, errors = orphan.communicate()
    assert orphan.returncode == 0, errors
    assert all((project.root / name).exists() for name in MADE)


def test_two_processes_train_and_evaluate_one_model(project: Small, tmp_path: Path) -> None:
    """As train.yaml and evaluate.yaml say; in between they are ended and started again.

    The scores of the evaluation are those of one process, bit by bit.
    """
    project.edit("params/smoke/train.yaml", r"threads: 1", "threads: 1, processes: 2")
    save_always(project)
    unbroken = project.copy(tmp_path / "unbroken")
    unbroken.run(TRAIN)
    ended = project.start(TRAIN)
    assert wait_until(lambda: state_of(project) is not None, ended)
    ended.terminate()  # as a cluster does: nobody is left who would keep the GPUs and the lock
    ended.communicate(timeout=60)
    project.run(TRAIN)
    assert made(project) == made(unbroken)
    evaluate = "from cada.steps.evaluate import evaluate_variant; evaluate_variant('smoke', 'dual', 0)\n"
    project.run(evaluate)
    metrics = project.root / "results/smoke/metrics/dual/0.json"
    alone = metrics.read_text()
    metrics.unlink()
    project.edit("params/smoke/evaluate.yaml", r"threads: 1", "threads: 1, processes: 2")
    project.run(evaluate)
    assert json.loads(metrics.read_text()) == json.loads(alone)


def test_two_machines_train_the_model_of_one_process(project: Small, tmp_path: Path) -> None:
    """Two agents of torchrun, each with a process of its own, called as on two machines: they share a folder and an address."""
    alone = project.copy(tmp_path / "alone")
    meeting = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}"]
    here = ["--local-addr", "127.0.0.1"]  # this machine's name may have no address
    command = ["-m", "torch.distributed.run", *meeting, *here, "-m", "cada", "train", "smoke", "--variant", "dual", "--seed", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CADA_TRACKING": "off", "OMP_NUM_THREADS": "1"}
    with contextlib.ExitStack() as machines:
        how = {"cwd": project.root, "env": environment, "stderr": subprocess.PIPE, "text": True}
        agents = [machines.enter_context(subprocess.Popen([sys.executable, *command], **how)) for _ in range(2)]
        for agent in agents:
            _, errors = agent.communicate(timeout=300)
            assert agent.returncode == 0, errors
    alone.run(TRAIN)
    ours, theirs = (pd.read_csv(each.root / MADE[1]) for each in (project, alone))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=0, atol=1e-3)
    weights = load_file(alone.root / MADE[0])
    for name, values in load_file(project.root / MADE[0]).items():
        assert (values - weights[name]).abs().max() < 1e-3, name
