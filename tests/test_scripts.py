"""The scripts beside the command: under any locale, without git, and from a clone for Windows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cada.config import Model, load
from cada.storage.files import checked

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"


def call(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program in a folder, with the project's code and tools."""
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    everything = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "CADA_TRACKING": "off"} | environment
    return subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the parameters and nothing else."""
    shutil.copytree(ROOT / "params", tmp_path / "params")
    return tmp_path


@pytest.mark.parametrize(("encoding", "minus"), [("utf-8", "\N{MINUS SIGN}"), ("latin-1", r"\u2212"), ("ascii", r"\u2212")])
def test_tables_are_printed_under_every_locale(project: Path, encoding: str, minus: str) -> None:
    table = project / "results/synthpedes/tables/ablation.md"
    table.parent.mkdir(parents=True)
    table.write_text("dual against ara: \N{MINUS SIGN}0.1\n", encoding="utf-8")
    done = call(sys.executable, SCRIPTS / "print_tables.py", folder=project, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"dual against ara: {minus}0.1\n\n"


def test_a_script_ends_on_a_mistake_as_the_command_does(project: Path) -> None:
    (project / "params/workflow.yaml").write_text("datasets: [\n")
    for name in ("print_tables.py", "unlisted.py", "ui.py"):
        done = call(sys.executable, SCRIPTS / name, folder=project)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


def test_every_script_with_this_code_runs_in_the_console() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.py")}
    assert {name for name, text in scripts.items() if "from cada" in text and "with console(" not in text} == set()


def test_without_git_nothing_is_recorded_and_the_rest_goes_on(project: Path) -> None:
    """An unpacked archive: `make reproduce` prints its tables after this script."""
    (project / "bin").mkdir()
    (project / "bin/snakemake").write_text("#!/bin/sh\necho 'Nothing to be done'\n")
    (project / "bin/snakemake").chmod(0o755)
    (project / ".dvc").mkdir()
    done = call(SCRIPTS / "record.sh", folder=project, GIT_CEILING_DIRECTORIES=str(project.parent))
    assert (done.returncode, done.stdout) == (0, "")
    (line,) = done.stderr.splitlines()
    assert "nothing is recorded" in line and "no git clone" in line


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git clone")
def test_a_clone_for_windows_has_the_bytes_of_the_commit(tmp_path: Path) -> None:
    """Git for Windows sets core.autocrlf; the clone is then used in WSL or a container."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "-c", "core.autocrlf=true", str(ROOT), str(clone)], check=True)
    ends = [line.split()[:2] + line.split("\t")[1:] for line in call("git", "ls-files", "--eol", folder=clone).stdout.splitlines()]
    assert len(ends) > 400
    assert [name for index, tree, name in ends if index[2:] != tree[2:] or "crlf" in index] == []
    assert call(clone / "workflow/scripts/step.sh", "true", folder=clone).returncode == 0
    vocabulary = load(clone / "params/smoke/model.yaml", Model).vocabulary
    assert vocabulary is not None and checked(clone / vocabulary.path, vocabulary.sha256)
