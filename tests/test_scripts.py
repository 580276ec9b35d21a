"""The scripts beside the command: under any locale, without git, and from a clone for Windows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

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


def test_the_coverage_of_rooms_is_added_up_and_too_little_is_an_error(tmp_path: Path) -> None:
    def file(covered: int, lines: int, taken: int, branches: int) -> dict[str, Any]:
        summary = {"covered_lines": covered, "num_statements": lines, "covered_branches": taken, "num_branches": branches}
        return {"summary": summary}

    files = {"cada/losses.py": file(50, 50, 0, 0), "cada/model/blip.py": file(10, 10, 2, 4), "cada/model/sub/cost.py": file(20, 30, 7, 8)}
    for taken, told in ((7, "75.0 % of branches"), (10, None)):
        files["cada/model/sub/cost.py"] = file(25, 30, taken, 8 if told else 10)
        (tmp_path / "rooms.json").write_text(json.dumps({"files": files}))
        done = call(sys.executable, SCRIPTS / "rooms.py", "rooms.json", folder=tmp_path)
        assert done.returncode == (told is not None)
        assert (told or "") in done.stderr and " of lines" not in done.stderr and "Traceback" not in done.stderr
    assert [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]] == [
        ["beside them", "50", "100.0", "0", "100.0"],
        ["model", "40", "87.5", "14", "85.7"],
        ["all", "90", "94.4", "14", "85.7"],
    ]


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


def test_an_advisory_is_found_by_its_versions_and_by_its_ranges(tmp_path: Path) -> None:
    """Locked: a 1.5, b 2.0, c 3.0."""

    def about(name: str, *events: dict[str, str], versions: tuple[str, ...] = ()) -> dict[str, Any]:
        return {"package": {"name": name}, "versions": list(versions), "ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}

    since, fixed = {"introduced": "0"}, {"fixed": "2.0"}
    advisories = {
        "listed": [about("A", versions=("1.4", "1.5.0"))],
        "before": [about("b", since, fixed)],
        "inside": [about("a", since, fixed)],
        "again": [about("c", since, fixed, {"introduced": "2.5"})],
        "last": [about("a", since, {"last_affected": "1.4"}), about("b", since, {"last_affected": "2.0"})],
        "other": [about("d", since)],
    }
    (tmp_path / "requirements.lock").write_text("a==1.5\nb==2.0 ; os_name == 'posix'\n    # via a\nc==3.0\n")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for name, affected in advisories.items():
            file.writestr(f"{name}.json", json.dumps({"id": name, "affected": affected}))
        file.writestr("gone.json", json.dumps({"id": "gone", "affected": [about("a", since)], "withdrawn": "2026-01-01T00:00:00Z"}))
    done = call(sys.executable, SCRIPTS / "audit.py", "all.zip", folder=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == [
        "a 1.5: inside",
        "a 1.5: listed",
        "b 2.0: last",
        "c 3.0: again",
    ]
