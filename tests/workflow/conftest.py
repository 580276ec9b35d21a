"""Projects in temporary folders: the working tree as it is, under a git of its own, with the real or a fake `cada`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.project import Project, copy_working_tree, opened


@pytest.fixture(scope="session")
def recorded_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a stand-in for the drawn set, recorded. Copy it before changing it."""
    root = tmp_path_factory.mktemp("stand-in") / "project"
    project = begun(root)
    (root / "data" / "SynthPEDES").mkdir(parents=True)
    (root / "data" / "SynthPEDES" / "reid_raw.json").write_text("[]\n")
    project.dvc("commit", "--quiet", "--force", "data.dvc")
    return root


@pytest.fixture
def make_project(tmp_path: Path, recorded_stand_in: Path) -> Callable[..., Project]:
    """Makes projects for one test."""
    return maker(tmp_path, recorded_stand_in)


@pytest.fixture(scope="module")
def make_projects(tmp_path_factory: pytest.TempPathFactory, recorded_stand_in: Path) -> Callable[..., Project]:
    """Makes projects for all tests of a module."""
    return maker(tmp_path_factory.mktemp("projects"), recorded_stand_in)


def maker(tmp_path: Path, recorded_stand_in: Path) -> Callable[..., Project]:
    """A function that makes a project: `matrix` is the text of its workflow file, `fake` puts the fake `cada` before the real one.

    `drawn` leaves the drawn set to the data step; without it a stand-in lies there, recorded.
    """

    def make(name: str, *, matrix: str, fake: bool = False, drawn: bool = False) -> Project:
        root = tmp_path / name
        if drawn:
            begun(root)
        else:
            shutil.copytree(recorded_stand_in, root)
        (root / "params" / "workflow.yaml").write_text(matrix)
        project = opened(root, fake=fake)
        project.commit()
        return project

    return make


def begun(root: Path) -> Project:
    """The working tree in a new folder, with an empty git."""
    root.mkdir()
    copy_working_tree(root)
    project = opened(root)
    project.run("git", "init", "--quiet")
    with (root / ".git" / "info" / "exclude").open("a") as file:
        file.write("ran.txt\n")
    return project
