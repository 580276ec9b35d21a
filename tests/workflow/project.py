"""A copy of the working tree in a temporary folder, and the tools run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.forked import Forked, program
from tests.tracked import copy_tracked

ROOT = Path(__file__).parents[2]
NOTHING = "Nothing to be done"  # says Snakemake
MAIN = {"snakemake": "snakemake.cli", "dvc": "dvc.cli"}  # where the commands' `main` is
UP_TO_DATE = "Data and pipelines are up to date"  # says DVC

# The script that stands for `cada`, with a place for the interpreter.
FAKE_CADA = "#!{python}\n" + Path(__file__).with_name("fake_cada.py").read_text().replace("{", "{{").replace("}", "}}")


@dataclass
class Project:
    """A copy of the working tree, and the tools run in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in the project; its output and errors as one text."""
        if command[0] in MAIN:
            forked = Forked(program, MAIN[command[0]], *command[1:], folder=self.root, environment=self.environment)
            shown, code = forked.communicate()[0], forked.returncode
        else:
            done = subprocess.run(
                command, cwd=self.root, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
            )
            shown, code = done.stdout, done.returncode
        if check and code != 0:
            raise AssertionError(f"{' '.join(command)} ended with {code}:\n{shown}")
        return shown

    @contextmanager
    def running(self, *command: str, output: Path) -> Iterator[subprocess.Popen[str]]:
        """A command that runs beside the test; what is left of it ends with the block."""
        with output.open("w") as file:
            process = subprocess.Popen(command, cwd=self.root, env=self.environment, text=True, stdout=file, stderr=subprocess.STDOUT)
        family = psutil.Process(process.pid)
        try:
            yield process
        finally:
            members = [family, *family.children(recursive=True)] if family.is_running() else []
            for member in members:
                member.kill()
            process.wait()

    def kill_when(self, command: tuple[str, ...], condition: Callable[[], bool]) -> None:
        """Start a command, send it SIGKILL as soon as the condition holds, and wait for its steps to notice."""
        output = self.root.with_name(f"{self.root.name}.{command[0]}.txt")
        with self.running(*command, output=output) as process:
            wait_until(lambda: condition() or process.poll() is not None, seconds=300, what=f"{command} to get there")
            assert process.poll() is None, f"{command} ended before it could be killed:\n{output.read_text()}"
            steps = psutil.Process(process.pid).children(recursive=True)
            assert steps, "nothing was running"
            process.kill()
            process.wait()
            wait_until(lambda: not any(alive(step) for step in steps), seconds=10, what="the steps to end with their caller")

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        return self.run("snakemake", "--cores", "2", *arguments, "--", "all", check=check)

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.run("dvc", *arguments, check=check)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message", "state")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that must be there in a file."""
        path = self.root / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    def change(self, name: str, **values: Any) -> None:
        """Replace values of a file under params/; sections are changed key by key, however deep."""
        path = self.root / "params" / name
        path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), values), sort_keys=False))

    def pretrain(self, dataset: str, **values: Any) -> None:
        """Let the initial weights of a data set be pre-trained in one process, as the start was, and not taken from it."""
        shutil.copy(self.root / "params/start/initial.yaml", self.root / f"params/{dataset}/initial.yaml")
        self.change(f"{dataset}/initial.yaml", pretrain=merged({"compute": {"processes": 1}}, values))

    def clone(self, name: str) -> Project:
        """A git clone beside this project, with the same tools and store."""
        root = self.root.with_name(name)
        self.run("git", "clone", "--quiet", str(self.root), str(root))
        return Project(root, self.environment | {"PYTHONPATH": str(root)})

    def ran(self) -> list[str]:
        """The commands of the fake `cada` since the last call, sorted."""
        log = self.root / "ran.txt"
        lines = sorted(log.read_text().splitlines()) if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def files(self) -> dict[str, bytes]:
        """What is under results/, less the logs and the times."""
        results = self.root / "results"
        paths = (path.relative_to(results) for path in results.rglob("*") if path.is_file())
        return {str(path): (results / path).read_bytes() for path in paths if not {"logs", "benchmarks"} & set(path.parts)}


def opened(root: Path, *, fake: bool = False) -> Project:
    """The project that lies in a folder; its store, DVC's cache and the `fake` command lie beside it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if fake:
        command = root.parent / "bin" / "cada"
        command.parent.mkdir(exist_ok=True)
        command.write_text(FAKE_CADA.format(python=sys.executable))
        command.chmod(0o755)
        path = f"{command.parent}{os.pathsep}{path}"
    own = {"PATH": path, "PYTHONPATH": str(root), "XDG_CACHE_HOME": str(root.parent / "cache")}
    return Project(root, os.environ | own | {"MLFLOW_TRACKING_URI": f"sqlite:///{root}.db"})


def merged(old: Any, new: Any) -> Any:
    """`old` with the values of `new` in place of its own."""
    return old | {key: merged(old.get(key), value) for key, value in new.items()} if isinstance(old, dict) else new


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return as soon as the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} seconds for {what}"
        time.sleep(0.02)


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie waits for a parent that may never come."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def copy_working_tree(target: Path) -> None:
    """The tracked files, as they are on the disk; what is recorded of a run, dvc.lock and scores, is not the project's code."""
    copy_tracked(".", target)
    (target / "dvc.lock").unlink(missing_ok=True)
    shutil.rmtree(target / "results", ignore_errors=True)
