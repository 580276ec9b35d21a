"""An undisturbed run of the smallest recipe, its jobs, and copies of it in which one job is to be done again."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from cada import pipeline
from cada.config import Workflow
from tests.forked import Forked, program
from tests.steps.conftest import shrunk
from tests.tracked import copy_tracked
from tests.workflow.conftest import begun
from tests.workflow.project import Project

MATRIX = Workflow(datasets=["smoke"], variants=["dual"], seeds=[0])
OF_A_TIME_AND_PLACE = ("results/report",)  # the report and its chapters say when and where they were made, and how long it took
GALLERY = ("gallery/images.sqlite", "gallery/features.bin", "gallery/tokens.bin", "gallery/index.json")
MOST_SECONDS = 900  # of one call, on a machine that does much else too


class Lost(AssertionError):
    """A fault that is not survived."""


@dataclass(frozen=True)
class Job:
    """One call of a step: `cada words`."""

    name: str
    words: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    in_workflow: bool = True


def jobs() -> list[Job]:
    """All that the matrix is made of, and an index of the drawn images."""
    found = []
    for step in pipeline.steps():
        for own in pipeline.combinations(step.over, MATRIX) if step.name != "transfer-tables" else []:
            patterns = [(one.pattern, one.over) if isinstance(one, pipeline.Every) else (one, ()) for one in step.inputs]
            inputs = [pattern.format(**own, **each) for pattern, over in patterns for each in _others(over, own)]
            words = shlex.split(step.command.format(**own))[1:]
            found.append(Job(step.name, tuple(words), tuple(inputs), tuple(path.format(**own) for path in step.outputs)))
    release = "results/smoke/release"
    index = ("index", "data/smoke/imgs", "-o", "gallery", "--model", release)
    return [*found, Job("index", index, (f"{release}/model.safetensors", f"{release}/release.json"), GALLERY, in_workflow=False)]


def _others(over: tuple[str, ...], own: dict[str, str]) -> list[dict[str, str]]:
    return [{name: value for name, value in each.items() if name not in own} for each in pipeline.combinations(over, MATRIX)]


@dataclass
class Tree:
    """A project's folder, and commands in it that are the leaders of their process groups."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def step(self, job: Job, *, before: Callable[[], object] | None = None, **environment: str) -> Forked:
        """Start a job; `before` is called in its process first."""
        return Forked(_cada, job.words, before, folder=self.root, environment=self._environment() | environment)

    def snakemake(self, *targets: str) -> Forked:
        return Forked(_leader, "snakemake.cli", "--cores", "2", "--", *targets, folder=self.root, environment=self._environment())

    def call(self, job: Job, *, workflow: bool = False) -> tuple[int, str]:
        """Do a job to the end; exit code and all that was said."""
        return ended(self.snakemake(*job.outputs) if workflow and job.in_workflow else self.step(job))

    def made(self, paths: tuple[str, ...]) -> dict[str, object]:
        """What the outputs say, by their paths; those that are not there are left out."""
        there = [path for path in paths if (self.root / path).is_file()]
        if paths == GALLERY:
            return {"gallery": _gallery(self.root)} if len(there) == len(paths) else {}
        return {path: _content(self.root / path, path) for path in there}

    def remove(self, job: Job) -> None:
        for path in job.outputs:
            (self.root / path).unlink(missing_ok=True)

    def processes(self) -> list[int]:
        """Who works in this folder."""
        return [one.pid for one in psutil.process_iter() if _works_in(one, self.root)]

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": path, "PYTHONPATH": str(self.root), "XDG_CACHE_HOME": str(self.root.parent / "cache"), "OMP_NUM_THREADS": "1"}
        return dict(os.environ) | own | {"CADA_TRACKING": "off"} | self.environment


@dataclass
class Whole(Tree):
    """The undisturbed run, and how long each of its jobs takes."""

    results: dict[str, object] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def made_in(cls, root: Path) -> Whole:
        """Run what is not up to date with the code of now, and each job a second time: it has to make the same files."""
        if not root.exists():
            _prepare(root)
        copy_tracked("cada", root / "cada")
        whole = cls(root)
        whole._require(ended(whole.snakemake("all")))
        known, code = root.with_name("seconds.json"), _digest(root / "cada")
        found = json.loads(known.read_text()) if known.exists() else {}
        for job in jobs():
            if not whole.made(job.outputs):
                whole._require(whole.call(job))
            whole.results |= whole.made(job.outputs)
            whole.seconds[job.name] = found.get(code, {}).get(job.name) or whole._again(job)
        known.write_text(json.dumps({code: whole.seconds}))
        return whole

    @classmethod
    def of_steps(cls, root: Path, names: Collection[str]) -> Whole:
        """A new one of a few steps, each done once."""
        _prepare(root)
        whole = cls(root)
        for job in (job for job in jobs() if job.name in names):
            began = time.monotonic()
            whole._require(whole.call(job))
            whole.seconds[job.name] = time.monotonic() - began
            whole.results |= whole.made(job.outputs)
        return whole

    def _again(self, job: Job) -> float:
        tree = self.copy(self.root.with_name("again"))
        tree.remove(job)
        began = time.monotonic()
        self._require(tree.call(job))
        seconds = time.monotonic() - began
        if differing := tree.differing(job, self.results):
            raise Lost(f"{job.name}: twice the same makes other files: {differing}")
        shutil.rmtree(tree.root)
        return seconds

    def copy(self, root: Path) -> Copy:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.root, root, symlinks=True, ignore=shutil.ignore_patterns("gallery", ".git"))
        return Copy(root)

    def _require(self, outcome: tuple[int, str]) -> None:
        if outcome[0] != 0:
            raise Lost(f"the undisturbed run failed:\n{outcome[1][-3000:]}")


@dataclass
class Copy(Tree):
    """A copy of the undisturbed run, for one round."""

    def differing(self, job: Job, results: dict[str, object], *, half: bool = False) -> list[str]:
        """The job's outputs that are not as they were, or not there; with `half`, those that are there and not whole."""
        if half and job.outputs == GALLERY:
            return []  # an index is written image by image
        made, wanted = self.made(job.outputs), {name: results[name] for name in _names(job)}
        return [name for name in wanted if (name in made or not half) and made.get(name) != wanted[name]]


def _names(job: Job) -> tuple[str, ...]:
    return ("gallery",) if job.outputs == GALLERY else job.outputs


def ended(process: Forked) -> tuple[int, str]:
    """Exit code and all that was said."""
    try:
        output, errors = process.communicate(timeout=MOST_SECONDS)
    except AssertionError as error:
        os.killpg(process.pid, 9)
        raise Lost(str(error)) from error
    assert process.returncode is not None
    return process.returncode, f"{output}\n{errors}"


def _prepare(root: Path) -> None:
    """The working tree with the parameters of the tests' small set, whose trainings save their state after each step."""
    root.parent.mkdir(parents=True, exist_ok=True)
    project: Project = begun(root)
    small = shrunk(root)
    small.edit("params/smoke/train.yaml", r"log_every: 3", "log_every: 3\nsave_seconds: 0")
    small.edit("params/smoke/initial.yaml", r"log_every: 20", "log_every: 1\n  save_seconds: 0")
    (root / "params/workflow.yaml").write_text(json.dumps(MATRIX.model_dump(include={"datasets", "variants", "seeds"})))
    project.commit()


def _digest(folder: Path) -> str:
    """Of all code in a folder."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))).hexdigest()


def _cada(words: tuple[str, ...], before: Callable[[], object] | None) -> None:
    os.setsid()
    if before is not None:
        before()
    sys.argv = ["cada", *words]
    from cada.cli import main

    main()


def _leader(module: str, *arguments: str) -> None:
    os.setsid()
    program(module, *arguments)


def _works_in(process: psutil.Process, root: Path) -> bool:
    try:
        return Path(process.cwd()) == root and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _content(path: Path, name: str) -> object:
    """The bytes; of what names a time, a place or a duration, whether it is whole."""
    if not name.startswith(OF_A_TIME_AND_PLACE):
        return path.read_bytes()
    text = path.read_text()
    return bool(json.loads(text)) if path.suffix == ".json" else text.rstrip()[-12:]


def _gallery(root: Path) -> dict[str, bytes]:
    """The features of each image of the index that has some, in whatever order they were stored."""
    with sqlite3.connect(root / "gallery/images.sqlite") as database:
        entries = database.execute("SELECT path, row FROM images").fetchall()
    count = max(row for _, row in entries) + 1
    columns = [np.fromfile(root / f"gallery/{name}.bin", np.uint8) for name in ("features", "tokens")]
    rows = [column[: len(column) // count * count].reshape(count, -1) for column in columns]
    return {str(Path(path).relative_to(root)): b"".join(part[row].tobytes() for part in rows) for path, row in entries}
