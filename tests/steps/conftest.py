"""A project in a temporary folder with a set of a few persons, prepared up to the initial weights."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forked import Forked, script
from tests.tracked import copy_tracked

ROOT = Path(__file__).parents[2]
SHRUNK = {
    "data": [(r"persons: .*", "persons: {pretrain: 10, train: 16, val: 6, test: 8}"), (r"gallery_parts: .*", "gallery_parts: 2")],
    "model": [
        (r"vision: .*", "vision: {width: 24, depth: 1, heads: 2, mlp: 48}"),
        (r"text: .*", "text: {width: 24, depth: 1, heads: 2, mlp: 48}"),
    ],
    "initial": [(r"epochs: .*", "epochs: 1"), (r"batch_size: .*", "batch_size: 16"), (r"processes: .*", "processes: 1}")],
    "train": [(r"epochs: .*", "epochs: 2"), (r"batch_size: 32", "batch_size: 12")],
}


@dataclass(frozen=True)
class Small:
    """The project's folder, and Python run in it."""

    root: Path

    def start(self, text: str) -> Forked:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "CADA_TRACKING": "off", "OMP_NUM_THREADS": "1"}
        return Forked(script, text, folder=self.root, environment=environment)

    def run(self, text: str) -> str:
        process = self.start(text)
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        return errors

    def copy(self, target: Path) -> Small:
        shutil.copytree(self.root, target)
        return Small(target)

    def edit(self, name: str, pattern: str, text: str) -> None:
        path = self.root / name
        old = path.read_text()
        assert re.search(pattern, old), f"{name} has no {pattern!r}"
        path.write_text(re.sub(pattern, text, old))


PREPARE = (
    "from cada.steps.data import prepare_data; prepare_data('smoke')\n"
    "from cada.steps.phrases import parse_phrases; parse_phrases('smoke')\n"
    "from cada.steps.initial import make_initial; make_initial('smoke')\n"
)


def shrunk(root: Path) -> Small:
    """A project of parameters alone, those of the smoke set much smaller, and its initial weights pre-trained, as those of the start."""
    project = Small(root)
    copy_tracked("params", root / "params")
    shutil.copy(root / "params/start/initial.yaml", root / "params/smoke/initial.yaml")
    for file, changes in SHRUNK.items():
        for pattern, text in changes:
            project.edit(f"params/smoke/{file}.yaml", pattern, text)
    return project


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The smoke set, much smaller, drawn, parsed and with initial weights. Copy it before changing it."""
    project = shrunk(tmp_path_factory.mktemp("prepared") / "project")
    project.run(PREPARE)
    return project


@pytest.fixture
def project(prepared: Small, tmp_path: Path) -> Small:
    return prepared.copy(tmp_path / "project")
