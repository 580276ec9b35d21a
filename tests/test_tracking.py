"""MLflow is told while a training runs, after it, and never stops it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cada import git, tracking
from cada.errors import CadaError
from cada.paths import Cell
from cada.sync import sync

CELL = Cell("smoke", "dual", 3)
PARAMETERS = {"train": {"epochs": 2, "betas": [0.9, 0.98]}}
METRICS = {
    "dataset": "smoke",
    "variant": "dual",
    "seed": 3,
    "headline": "calibrated",
    "scores": {"cosine": {"R1": 40.0, "mAP": 41.0}, "calibrated": {"R1": 42.0, "mAP": 43.0}},
}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty store: making one takes ten seconds, copying it none."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.delenv("CADA_TRACKING", raising=False)
        with tracking.run(Cell("none", "none", 0), step="train", parameters={}, params_hash="0"):
            pass
    return folder


@pytest.fixture
def store(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh store of the test's own, which is also the working folder."""
    for name in ("mlflow.db", "mlflow.db.version"):
        shutil.copy(migrated / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("CADA_TRACKING", raising=False)
    return tmp_path


def stored(cell: Cell = CELL) -> list[Any]:
    """The runs of a cell as MLflow gives them, the newest first."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=os.environ["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name(f"CADA {cell.dataset}")
    if experiment is None:
        return []
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    return [run for run in runs if run.data.tags["variant"] == cell.variant and run.data.tags["seed"] == str(cell.seed)]


def points(run: Any, name: str) -> list[tuple[int, float]]:
    from mlflow.tracking import MlflowClient

    history = MlflowClient(tracking_uri=os.environ["MLFLOW_TRACKING_URI"]).get_metric_history(run.info.run_id, name)
    return sorted((point.step, point.value) for point in history)


def train(steps: range, *, fail: bool = False) -> None:
    """A training that logs a loss at every step."""
    with tracking.run(CELL, step="train", parameters=PARAMETERS, params_hash="abc", tags={"device": "cpu"}) as run:
        for step in steps:
            run.log(step, {"loss": 1 / (step + 1)})
        if fail:
            raise ZeroDivisionError


@pytest.mark.usefixtures("store")
def test_a_training_and_its_evaluation_write_to_one_run() -> None:
    train(range(1200))
    with tracking.run(CELL, step="evaluate", parameters={"evaluate": {"top_k": 16}}, params_hash="abc") as run:
        run.summary(tracking.named_metrics(METRICS))
    (run,) = stored()
    assert run.info.run_name == "dual seed 3"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"train.epochs": "2", "train.betas": "[0.9, 0.98]"}
    assert points(run, "loss") == [(step, 1 / (step + 1)) for step in range(1200)]
    assert {name: run.data.metrics[name] for name in ("test_R1", "test_mAP", "test_cosine_R1", "test_cosine_mAP")} == {
        "test_R1": 42.0,
        "test_mAP": 43.0,
        "test_cosine_R1": 40.0,
        "test_cosine_mAP": 41.0,
    }
    expected = {"cada.run": "smoke/dual/3/abc", "dataset": "smoke", "params": "abc", "device": "cpu", "evaluate.top_k": "16"}
    assert expected.items() <= run.data.tags.items()


@pytest.mark.usefixtures("store")
def test_points_are_seen_while_the_training_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "FLUSH_SECONDS", 0.0)
    with tracking.run(CELL, step="train", parameters=PARAMETERS, params_hash="abc") as run:
        run.log(1, {"loss": 0.5})
        assert stored()[0].info.status == "RUNNING"
        assert points(stored()[0], "loss") == [(1, 0.5)]


@pytest.mark.usefixtures("store")
def test_a_killed_training_goes_on_in_its_run_without_doubling_points() -> None:
    with pytest.raises(ZeroDivisionError):
        train(range(6), fail=True)
    assert stored()[0].info.status == "FAILED"
    train(range(4, 10))
    (run,) = stored()
    assert run.info.status == "FINISHED"
    assert points(run, "loss") == [(step, 1 / (step + 1)) for step in range(10)]


@pytest.mark.usefixtures("store")
def test_a_finished_training_done_anew_replaces_its_run() -> None:
    train(range(4))
    first = stored()[0].info.run_id
    train(range(3))
    (run,) = stored()
    assert run.info.run_id != first
    assert len(points(run, "loss")) == 3


@pytest.mark.usefixtures("store")
def test_other_parameters_make_another_run() -> None:
    train(range(2))
    with tracking.run(CELL, step="train", parameters={"train": {"epochs": 3}}, params_hash="def"):
        pass
    assert len(stored()) == 2


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db", "file:///nowhere/mlruns"])
def test_a_store_that_cannot_be_reached_is_named_once(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.delenv("CADA_TRACKING", raising=False)
    train(range(3))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert address in said[0]
    assert "the work goes on" in said[0]


def test_a_store_that_fails_in_the_middle_is_named_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking.run(CELL, step="train", parameters=PARAMETERS, params_hash="abc") as run:
        run.log(1, {"loss": 1.0})
        with sqlite3.connect(store / "mlflow.db") as database:
            database.execute("DROP TABLE latest_metrics")
        for _ in range(2):
            run.summary({"val_R1": 1.0})
        assert not run.told
    assert capsys.readouterr().err.count("the work goes on") == 1


def test_off_means_that_mlflow_is_not_imported() -> None:
    code = (
        "import sys\nfrom cada import tracking\nfrom cada.paths import Cell\n"
        "with tracking.run(Cell('a', 'b', 0), step='train', parameters={}, params_hash='x') as run:\n"
        "    run.log(1, {'loss': 1.0}); run.summary({'test_R1': 1.0})\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"CADA_TRACKING": "off"})


def _first_start(folder: str, seed: int) -> None:
    os.chdir(folder)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    os.environ.pop("CADA_TRACKING", None)
    with tracking.run(Cell("smoke", "dual", seed), step="train", parameters={}, params_hash="abc") as run:
        for step in range(100):
            run.log(step, {"loss": float(step)})


def test_two_first_starts_at_once_make_one_store_with_two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_first_start, args=(str(tmp_path), seed)) for seed in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for seed in (0, 1):
        (run,) = stored(Cell("smoke", "dual", seed))
        assert points(run, "loss") == [(step, float(step)) for step in range(100)]


@pytest.mark.parametrize("left_over", ["", "3.0.0"], ids=["killed while making it", "of another version"])
def test_a_store_that_is_not_ours_to_use_yet_is_migrated(store: Path, left_over: str) -> None:
    (store / "mlflow.db.version").write_text(left_over)
    if not left_over:
        (store / "mlflow.db").write_bytes(b"")
    train(range(3))
    (run,) = stored()
    assert len(points(run, "loss")) == 3
    assert (store / "mlflow.db.version").read_text() == version("mlflow")


def results(folder: Path) -> None:
    """What a training and an evaluation leave under results/."""
    history = folder / "results/smoke/history/dual/3.csv"
    metrics = folder / "results/smoke/metrics/dual/3.json"
    for path in (history, metrics):
        path.parent.mkdir(parents=True)
    history.write_text("epoch,step,lr,loss,val_R1\n1,20,0.001,2.5,\n1,40,0.0005,2.25,17.5\n")
    metrics.write_text(json.dumps(METRICS))


def test_sync_rebuilds_a_run_from_files_and_leaves_a_whole_one_alone(store: Path) -> None:
    results(store)
    sync(lambda _: (PARAMETERS, "abc"))
    (run,) = stored()
    assert points(run, "loss") == [(20, 2.5), (40, 2.25)]
    assert points(run, "val_R1") == [(40, 17.5)]
    assert set(run.data.metrics) & {"epoch", "step"} == set()
    assert run.data.metrics["test_R1"] == 42.0
    assert run.data.params["train.epochs"] == "2"
    assert "mlflow.source.git.commit" not in run.data.tags
    sync(lambda _: (PARAMETERS, "abc"))
    (again,) = stored()
    assert again.info.run_id == run.info.run_id
    assert len(points(again, "loss")) == 2


def test_sync_completes_a_run_that_an_outage_cut_short(store: Path) -> None:
    results(store)
    with tracking.run(CELL, step="train", parameters=PARAMETERS, params_hash="abc") as run:
        run.log(20, {"loss": 2.5})
    sync(lambda _: (PARAMETERS, "abc"))
    (found,) = stored()
    assert points(found, "loss") == [(20, 2.5), (40, 2.25)]


def test_sync_says_when_the_store_fails(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(CadaError, match="smoke/dual/3: MLflow was not told"):
        sync(lambda _: (PARAMETERS, "abc"))


def test_the_store_of_an_experiment_lies_in_the_main_work_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = tmp_path / "main"
    clone = main / ".dvc" / "tmp" / "exps" / "tmp1"
    for tree in (main, clone):
        tree.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *identity, "commit", "--quiet", "--allow-empty", "--message", "x"], cwd=main, check=True)
    subprocess.run(["git", "worktree", "add", "--quiet", str(tmp_path / "linked")], cwd=main, check=True)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for folder in (main, clone, tmp_path / "linked"):
        monkeypatch.chdir(folder)
        assert git.main_tree() == main
        assert tracking.tracking_uri() == f"sqlite:///{main}/mlflow.db"
