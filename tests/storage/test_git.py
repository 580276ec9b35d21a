"""Which folder is the project's, wherever git keeps its data; another project's commit is never taken for ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cada.storage import git

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "protocol.file.allow=always")


def call(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *IDENTITY, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    call(folder, "init", "--quiet")
    call(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return folder


def test_a_submodule_is_its_own_place(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = tmp_path / "paper"
    paper.mkdir()
    call(paper, "init", "--quiet")
    call(paper, "submodule", "--quiet", "add", str(project), "code")
    monkeypatch.chdir(paper / "code")
    assert git.main_tree() == paper / "code"
    assert git.commit() == call(project, "rev-parse", "HEAD")


def test_a_work_tree_of_a_bare_clone_is_its_own_place(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(tmp_path, "clone", "--quiet", "--bare", str(project), "bare.git")
    call(tmp_path / "bare.git", "worktree", "add", "--quiet", "../tree")
    monkeypatch.chdir(tmp_path / "tree")
    assert git.main_tree() == tmp_path / "tree"


def test_a_copy_inside_another_project_has_no_commit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "copy").mkdir()
    monkeypatch.chdir(project / "copy")
    assert (git.main_tree(), git.commit(), git.dirty()) == (project / "copy", "", False)
