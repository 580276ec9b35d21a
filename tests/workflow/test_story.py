"""One story with the real steps: Snakemake and DVC make, record, restore and change the same results, and survive SIGKILL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.messages import carries
from tests.workflow.project import NOTHING, UP_TO_DATE, Project

MATRIX = "datasets: [synthpedes]\nvariants: [global, dual]\nseeds: [0]\n"
TRANSFORMER = {"width": 48, "depth": 2, "heads": 2, "mlp": 96}
RESULTS = Path("results/synthpedes")
SCORES = RESULTS / "tables/scores.json"
DUAL = {
    "train dual",
    "evaluate dual",
    "probe dual",
    "associate dual",
    "tables",
    "figures",
    "attention",
    "probe-tables",
    "association-tables",
    "chapter",
    "release",
    "report",
}
OF_A_TIME_AND_PLACE = ("report.html", "report/")  # the report says when and where it was made, and how long the steps took


def make_small(project: Project) -> None:
    """Twenty persons to train on, twelve epochs of five steps: enough time to be killed in."""
    persons = {"pretrain": 12, "train": 20, "val": 6, "test": 8}
    project.change("synthpedes/data.yaml", gallery_parts=2, synthesis={"persons": persons, "images_per_person": [2, 2]})
    project.change("synthpedes/model.yaml", vision=TRANSFORMER, text=TRANSFORMER)
    project.pretrain("synthpedes", optimisation={"epochs": 1, "batch_size": 8})
    optimisation = {"epochs": 12, "batch_size": 16, "learning_rate": 2e-3}
    project.change("synthpedes/train.yaml", optimisation=optimisation, log_every=1, save_seconds=0.0)
    project.change("synthpedes/evaluate.yaml", bootstrap=100)


@pytest.mark.workflow
def test_the_tools_tell_one_truth(make_project: Callable[..., Project]) -> None:
    project = make_project("story", matrix=MATRIX, drawn=True)
    make_small(project)
    project.commit()
    project.environment["CADA_TRACKING"] = "off"
    snakemake_is_killed_and_goes_on(project)
    project.run("workflow/scripts/record.sh")
    nothing_to_do(project)
    assert sorted(project.run("git", "status", "--porcelain").splitlines()) == [" M data.dvc", "?? dvc.lock", "?? results/"]
    project.dvc("remote", "add", "--quiet", "--default", "store", str(project.root.with_name("remote")))
    project.dvc("push", "--quiet")
    project.commit()

    clone = project.clone("clone")
    clone.environment["CADA_TRACKING"] = "on"
    assert carries(clone.run("workflow/scripts/restore.sh", check=False), "dvc.lock", "dvc pull")
    clone.dvc("pull", "--quiet")
    clone.run("workflow/scripts/restore.sh")
    nothing_to_do(clone)
    assert clone.files() == project.files()

    for copy in (project, clone):
        copy.edit("params/variants/dual.yaml", "procedure: robust", "procedure: robust\nweights: {ara: 0.9}")
    assert planned(clone) == DUAL
    assert dvc_is_killed_and_goes_on(clone) == DUAL
    the_training_is_tracked(clone)
    clone.environment["CADA_TRACKING"] = "off"
    clone.run("workflow/scripts/restore.sh")
    nothing_to_do(clone)
    project.snakemake()
    assert differing(project, clone) == [], "both tools make the same of a change"
    the_change_is_shown(clone)


def snakemake_is_killed_and_goes_on(project: Project) -> None:
    log = project.root / RESULTS / "logs/train/dual/0.log"
    project.kill_when(("snakemake", "--cores", "2", "all"), lambda: log.exists() and "epoch 2 of 12" in log.read_text())
    project.snakemake()
    assert "epoch 12 of 12" in log.read_text()
    assert "epoch 1 of 12" not in log.read_text(), "it goes on from the saved state"


def dvc_is_killed_and_goes_on(project: Project) -> set[str]:
    """What the second call runs: all but the recipes."""
    output = project.root.with_name("clone.dvc.txt")
    project.kill_when(("dvc", "repro"), lambda: "epoch 2 of 12" in output.read_text())
    shown = project.dvc("repro")
    assert "epoch 12 of 12" in shown
    assert "epoch 1 of 12" not in shown, "it goes on from the saved state"
    return run_by_dvc(shown)


def the_training_is_tracked(project: Project) -> None:
    """MLflow has one run of the killed training and its successor, with a curve to the end and the test metrics."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=project.environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("CADA synthpedes")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"dual seed 0", "tables and figures"}
    run = runs["dual seed 0"]
    assert run.info.status == "FINISHED"
    assert {point.step for point in client.get_metric_history(run.info.run_id, "loss")} >= set(range(20, 61))
    assert "test_R1" in run.data.metrics


def nothing_to_do(project: Project) -> None:
    """Both tools say so."""
    assert NOTHING in project.run("snakemake", "--cores", "8", "all")
    assert UP_TO_DATE in project.dvc("repro")


def planned(project: Project) -> set[str]:
    """Step and variant of every job that Snakemake would run."""
    lines = project.snakemake("--dry-run", "--printshellcmds").splitlines()
    return {short(line.split("step.sh ")[1].split()) for line in lines if "step.sh cada " in line}


def run_by_dvc(shown: str) -> set[str]:
    """Step and variant of every stage that DVC has run, but for those of the recipes."""
    commands = [line.split("step.sh ")[1].split() for line in shown.splitlines() if "step.sh cada " in line]
    return {short(command) for command in commands if command[1] != "recipes"}


def short(command: list[str]) -> str:
    """train dual, for cada train synthpedes --variant dual --seed 0."""
    return " ".join([command[1], *(command[place + 1] for place, word in enumerate(command) if word == "--variant")])


def differing(project: Project, other: Project) -> list[str]:
    """Names of results that are not the same in both."""
    ours, theirs = project.files(), other.files()
    names = [name for name in sorted(ours | theirs) if not name.startswith(OF_A_TIME_AND_PLACE)]
    return [name for name in names if ours.get(name) != theirs.get(name)]


def the_change_is_shown(project: Project) -> None:
    """What a person sees of it: a parameter, the scores of the changed variant, and curves of both commits in one figure."""
    assert "ara" in project.dvc("params", "diff") and "0.9" in project.dvc("params", "diff")
    changes = json.loads(project.dvc("metrics", "diff", "--json"))
    assert list(changes) == [str(SCORES)]
    assert {name.split(".")[0] for name in changes[str(SCORES)]} == {"dual"}
    project.dvc("plots", "diff", "HEAD", "workspace", "--out", "plots")
    page = (project.root / "plots/index.html").read_text()
    for words in ("Training loss", "optimiser steps", '"rev": "HEAD"', '"rev": "workspace"', "history_dual_0_csv"):
        assert words in page
