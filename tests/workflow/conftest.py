"""Projects in temporary folders: the working tree as it is, under a git of its own, with the real or a fake `cada`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.project import FAKE_CADA, Project, copy_working_tree


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Makes projects for one test."""
    return maker(tmp_path)


@pytest.fixture(scope="module")
def make_projects(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Makes projects for all tests of a module."""
    return maker(tmp_path_factory.mktemp("projects"))


def maker(tmp_path: Path) -> Callable[..., Project]:
    """A function that makes a project: `matrix` is the text of its workflow file, `fake` puts the fake `cada` before the real one.

    `drawn` leaves the drawn set to the data step; without it a stand-in lies there, recorded.
    """

    def make(name: str, *, matrix: str, fake: bool = False, drawn: bool = False) -> Project:
        root = tmp_path / name
        root.mkdir()
        copy_working_tree(root)
        (root / "params" / "workflow.yaml").write_text(matrix)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if fake:
            command = tmp_path / "bin" / "cada"
            command.parent.mkdir(exist_ok=True)
            command.write_text(FAKE_CADA.format(python=sys.executable))
            command.chmod(0o755)
            path = f"{command.parent}{os.pathsep}{path}"
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(root), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        project = Project(root, environment | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / name}.db"})
        project.run("git", "init", "--quiet")
        with (root / ".git" / "info" / "exclude").open("a") as file:
            file.write("ran.txt\n")
        if not drawn:
            (root / "data" / "SynthPEDES").mkdir(parents=True)
            (root / "data" / "SynthPEDES" / "reid_raw.json").write_text("[]\n")
            project.dvc("commit", "--quiet", "--force", "data.dvc")
        project.commit()
        return project

    return make
