"""The whole pipeline on the small drawn set, by Snakemake and by DVC alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.project import Project

MATRIX = "datasets: [smoke]\nvariants: [global, dual]\nseeds: [0]\n"  # params/smoke/workflow.yaml less two variants, for the time


def names(files: dict[str, bytes], folder: str) -> set[str]:
    return {name for name in files if Path(name).parts[1] == folder}


@pytest.mark.workflow
def test_snakemake_and_dvc_make_the_same_files(make_project: Callable[..., Project]) -> None:
    ours, theirs = make_project("snakemake", matrix=MATRIX), make_project("dvc", matrix=MATRIX)
    ours.snakemake()
    theirs.environment["CADA_TRACKING"] = "off"
    theirs.dvc("repro", "--quiet")

    made = ours.files()
    variants = ("dual", "global")
    assert names(made, "metrics") == {f"smoke/metrics/{variant}/0.json" for variant in variants}
    assert names(made, "tables") == {f"smoke/tables/{name}.{kind}" for name in ("ablation", "comparison") for kind in ("csv", "md", "tex")}
    other = theirs.files()
    assert set(made) == set(other)
    assert [name for name in made if made[name] != other[name]] == []

    assert "Nothing to be done" in ours.snakemake()
    assert "up to date" in theirs.dvc("status")
    check_tracked(ours)


def check_tracked(project: Project) -> None:
    """MLflow knows every training with its curve and its test metrics."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=project.environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("CADA smoke")
    assert experiment is not None
    runs = {run.data.params.get("variant"): run for run in client.search_runs([experiment.experiment_id])}
    assert runs.pop(None).info.run_name == "tables"
    assert set(runs) == {"initial", "global", "dual"}
    for variant, run in runs.items():
        assert run.info.status == "FINISHED"
        assert len(client.get_metric_history(run.info.run_id, "loss")) > 3
        assert ("test_R1" in run.data.metrics) == (variant != "initial")
