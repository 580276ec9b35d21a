"""What both tools plan, record and restore, with a `cada` that only writes what the real one declares."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.workflow.project import Project

MATRIX = "datasets: [synthpedes]\nvariants: [global, dual]\nseeds: [0, 1]\n"
NOTHING = "Nothing to be done"
UP_TO_DATE = "Data and pipelines are up to date"

DUAL = [f"{step} synthpedes --variant dual --seed {seed}" for step in ("evaluate", "train") for seed in (0, 1)]
EVALUATIONS = [f"evaluate synthpedes --variant {variant} --seed {seed}" for variant in ("dual", "global") for seed in (0, 1)]
TABLES = "tables synthpedes --workflow params/workflow.yaml"

CHANGES = {
    "a variant": ("params/variants/dual.yaml", "ara: 0.1", "ara: 0.2", sorted([*DUAL, TABLES])),
    "the evaluation": ("params/synthpedes/evaluate.yaml", "bootstrap: 1000", "bootstrap: 999", sorted([*EVALUATIONS, TABLES])),
}


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    return make_project("project", matrix=MATRIX, fake=True)


def test_dvc_alone_makes_the_same_files(project: Project, make_project: Callable[..., Project]) -> None:
    project.snakemake()
    assert len(project.ran()) == 3 + 4 + 4 + 1
    assert NOTHING in project.snakemake()
    other = make_project("other", matrix=MATRIX, fake=True)
    other.dvc("repro", "--quiet")
    assert other.files() == project.files()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_follows_from_it_and_nothing_else(project: Project, change: str) -> None:
    name, old, new, expected = CHANGES[change]
    project.snakemake()
    project.run("workflow/scripts/record.sh")
    assert UP_TO_DATE in project.dvc("status")
    project.ran()

    project.edit(name, old, new)
    project.dvc("repro", "--quiet")
    assert project.ran() == expected
    project.edit(name, new, old)
    project.dvc("repro", "--quiet")
    assert project.ran() == [], "DVC has these results in its cache"
    project.dvc("checkout", "--quiet")

    project.snakemake("--touch", "--forceall")
    project.edit(name, old, new)
    project.snakemake()
    assert project.ran() == expected


def test_recording_leaves_nothing_to_do_for_either_tool(project: Project) -> None:
    project.snakemake()
    project.run("workflow/scripts/record.sh")
    assert NOTHING in project.snakemake()
    assert UP_TO_DATE in project.dvc("status")
    assert project.run("git", "status", "--porcelain").split() == ["??", "dvc.lock"]


def test_recording_refuses_while_there_is_work(project: Project) -> None:
    project.snakemake()
    project.edit("params/variants/dual.yaml", "ara: 0.1", "ara: 0.2")
    assert "Snakemake has work left" in project.run("workflow/scripts/record.sh", check=False)
    assert not (project.root / "dvc.lock").exists()


def test_a_clone_restores_what_was_recorded(project: Project) -> None:
    project.snakemake()
    project.run("workflow/scripts/record.sh")
    remote = project.root.with_name("remote")
    project.dvc("remote", "add", "--default", "--quiet", "store", str(remote))
    project.dvc("push", "--quiet")
    project.commit()
    clone = Project(project.root.with_name("clone"), project.environment | {"PYTHONPATH": str(project.root.with_name("clone"))})
    project.run("git", "clone", "--quiet", str(project.root), str(clone.root))
    project.ran()

    assert "are not what dvc.lock says" in clone.run("workflow/scripts/restore.sh", check=False)
    clone.dvc("pull", "--quiet")
    clone.run("workflow/scripts/restore.sh")
    assert NOTHING in clone.snakemake()
    assert clone.files() == project.files()
    assert (clone.root / "data/SynthPEDES/reid_raw.json").read_text() == "[]\n"
    clone.edit("params/synthpedes/train.yaml", "log_every: 20", "log_every: 21")
    clone.snakemake()
    assert sorted(clone.ran()) == sorted([*EVALUATIONS, *(line.replace("evaluate", "train") for line in EVALUATIONS), TABLES])


def test_a_failing_step_shows_its_message(project: Project) -> None:
    (project.root.parent / "bin" / "cada").write_text("#!/bin/sh\necho 'cada: params/x.yaml: rate: no such parameter.' >&2\nexit 1\n")
    shown = project.snakemake(check=False)
    assert "rate: no such parameter" in shown
    assert "results/synthpedes/logs/data.log" in shown


@pytest.mark.parametrize("command", [("snakemake", "--cores", "1", "all"), ("dvc", "repro")])
def test_outside_the_environment_both_tools_say_how_to_activate_it(project: Project, command: tuple[str, ...]) -> None:
    tool = shutil.which(command[0], path=project.environment["PATH"])
    assert tool
    project.environment["PATH"] = "/usr/bin:/bin"
    shown = project.run(tool, *command[1:], check=False)
    assert "source .venv/bin/activate" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("params/workflow.yaml", "seeds: [0, 1]", "seeds: [one]", "seeds"),
        ("params/synthpedes/train.yaml", "log_every", "log_evry", "train.yaml: log_evry: no such parameter. Did you mean log_every?"),
        ("params/workflow.yaml", "dual", "duall", "duall: no such variant; params/variants/ has ara, atp, dual, global, published."),
    ],
)
def test_a_wrong_parameter_stops_before_any_job(project: Project, name: str, old: str, new: str, message: str) -> None:
    project.edit(name, old, new)
    shown = project.snakemake(check=False)
    assert message in shown
    assert "Traceback" not in shown
    assert project.ran() == []
