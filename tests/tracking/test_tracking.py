"""MLflow is told while a training runs, after it, and never stops it."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cada import tracking
from cada.storage import git
from cada.storage.paths import Cell
from cada.tracking import runs
from cada.tracking.sync import sync
from tests.messages import carries, line_with, refused

CELL = Cell("smoke", "dual", 3)
PARAMETERS = {"train": {"epochs": 2, "betas": [0.9, 0.98]}}
DESCRIPTION = tracking.Description(PARAMETERS, "abc", "0123456789" * 6, {"device": "cpu"})
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
        with tracking.run(Cell("none", "none", 0), "train", tracking.Description({}, "0")):
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
    found = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    return [run for run in found if (run.data.params["variant"], run.data.params["seed"]) == (cell.variant, str(cell.seed))]


def points(run: Any, name: str) -> list[tuple[int, float]]:
    from mlflow.tracking import MlflowClient

    history = MlflowClient(tracking_uri=os.environ["MLFLOW_TRACKING_URI"]).get_metric_history(run.info.run_id, name)
    return sorted((point.step, point.value) for point in history)


def train(steps: range, *, fail: bool = False) -> None:
    """A training that logs a loss at every step."""
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        for step in steps:
            run.log(step, {"loss": 1 / (step + 1)})
        if fail:
            raise ZeroDivisionError


def test_a_training_and_its_evaluation_write_to_one_run(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what the environment holds beside is no business of the store's."""
    for name in ("MLFLOW_TRACKING_TOKEN", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "SOME_PASSWORD"):
        monkeypatch.setenv(name, "s3cret-word")
    seconds = itertools.count()  # a look at the clock takes a second, however fast the machine is
    monkeypatch.setattr(runs, "time", SimpleNamespace(monotonic=lambda: float(next(seconds)), time=time.time))
    train(range(1200))
    with tracking.run(CELL, "evaluate", tracking.Description({"evaluate": {"top_k": 16}}, "abc")) as run:
        run.summary(tracking.named_metrics(METRICS))
    assert [path for path in store.rglob("*") if path.is_file() and b"s3cret-word" in path.read_bytes()] == []
    (run,) = stored()
    assert run.info.run_name == "dual seed 3"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"variant": "dual", "seed": "3", "train.epochs": "2", "train.betas": "[0.9, 0.98]"}
    assert points(run, "loss") == [(step, 1 / (step + 1)) for step in range(1200)]
    assert {name: run.data.metrics[name] for name in ("test_R1", "test_mAP", "test_cosine_R1", "test_cosine_mAP")} == {
        "test_R1": 42.0,
        "test_mAP": 43.0,
        "test_cosine_R1": 40.0,
        "test_cosine_mAP": 41.0,
    }
    expected = {"cada.run": "smoke/dual/3/abc", "params hash": "abc", "device": "cpu", "evaluate.top_k": "16"}
    assert expected.items() <= run.data.tags.items()
    assert float(run.data.tags["seconds"]) > 0


def test_an_evaluation_makes_the_run_that_its_training_could_not(store: Path) -> None:
    write_matrices(store)
    with tracking.run(CELL, "evaluate", tracking.Description({}, "abc")) as run:
        run.summary({"test_R1": 4.0})
    (found,) = stored()
    assert (found.info.status, found.data.metrics, sweeps(found)) == ("FINISHED", {"test_R1": 4.0}, {"sweep.default", "sweep.long"})
    results(store)
    sync(lambda _: (PARAMETERS, "abc"))
    (whole,) = stored()
    assert points(whole, "loss") == [(20, 2.5), (40, 2.25)]
    assert "train.epochs" in whole.data.params


@pytest.mark.usefixtures("store")
def test_points_are_seen_while_the_training_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "FLUSH_SECONDS", 0.0)
    with tracking.run(CELL, "train", DESCRIPTION) as run:
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
def test_a_finished_training_done_anew_supersedes_its_run() -> None:
    train(range(4))
    train(range(3))
    new, old = stored()
    assert old.data.tags["superseded"] == f"by run {new.info.run_id}"
    assert "superseded" not in new.data.tags
    assert (len(points(old, "loss")), len(points(new, "loss"))) == (4, 3)


def write_matrices(folder: Path) -> None:
    """The default matrix has the cell, and so has one sweep of two."""
    for name, seeds in ((".", [3]), ("sweeps/long", [3, 4]), ("sweeps/other", [5])):
        write_matrix(folder, name, seeds)


def write_matrix(folder: Path, name: str, seeds: list[int]) -> None:
    """The recipe of a matrix's tables."""
    path = folder / "results/smoke" / name / "recipes/tables.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"values": {"rows": [{"name": "dual"}], "seeds": seeds}}))


def sweeps(run: Any) -> set[str]:
    return {name for name in run.data.tags if name.startswith("sweep.")}


def test_a_sweep_has_the_current_run_of_a_cell_and_no_other(store: Path) -> None:
    write_matrices(store)
    train(range(2))
    other = tracking.Description({"train": {"epochs": 3}}, "def")
    with tracking.run(CELL, "train", other):
        pass
    new, old = stored()
    assert (sweeps(new), sweeps(old)) == ({"sweep.default", "sweep.long"}, set())
    assert old.data.tags["superseded"] == f"by run {new.info.run_id}"
    train(range(3))  # with the first parameters again
    again, *earlier = stored()
    assert sweeps(again) == {"sweep.default", "sweep.long"}
    assert ["superseded" in run.data.tags for run in (again, *earlier)] == [False, True, True]


def test_views_follow_the_matrices_that_there_are(store: Path) -> None:
    write_matrices(store)
    train(range(2))
    shutil.rmtree(store / "results/smoke/sweeps/long")
    write_matrix(store, "sweeps/other", [3])
    assert list(tracking.present(["smoke", "never_run"])) == ["smoke, variants", "smoke, sweep other", "smoke, all runs"]
    assert sweeps(stored()[0]) == {"sweep.default", "sweep.other"}


def test_an_experiment_of_dvc_supersedes_nothing_of_the_work_tree(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_matrices(store)
    train(range(2))
    clone = store / ".dvc/tmp/exps/tmp1"
    clone.mkdir(parents=True)
    shutil.copytree(store / "results", clone / "results")
    with monkeypatch.context() as patch:
        patch.chdir(clone)
        patch.setenv("DVC_EXP_NAME", "puffy-axis")
        train(range(3))
    experiment, main = stored()
    assert experiment.info.run_name == "dual seed 3 (puffy-axis)"
    assert (sweeps(experiment), sweeps(main)) == (set(), {"sweep.default", "sweep.long"})
    assert not {"superseded"} & {*experiment.data.tags, *main.data.tags}


def test_the_model_is_known_by_the_name_that_its_bytes_have_in_dvc(store: Path) -> None:
    from mlflow.tracking import MlflowClient

    weights = store / "model.safetensors"
    weights.write_bytes(b"weights")
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        run.log(7, {"loss": 1.0})
        run.model(weights)
        run.model(weights)
    with tracking.run(CELL, "evaluate", tracking.Description({}, "abc")) as run:
        run.summary(tracking.named_metrics(METRICS))
    (found,) = stored()
    client = MlflowClient(tracking_uri=os.environ["MLFLOW_TRACKING_URI"])
    (model,) = client.search_logged_models([found.info.experiment_id])
    assert (model.name, str(model.status), model.source_run_id) == ("dual seed 3", "READY", found.info.run_id)
    assert model.tags["dvc.md5"] == hashlib.md5(b"weights").hexdigest()
    assert {metric.key: metric.value for metric in model.metrics}["test_mAP"] == 43.0
    assert points(found, "test_mAP") == [(7, 43.0)]  # at the step of the model
    (dataset,) = found.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("smoke", "01234567")


def test_tables_and_figures_are_artifacts_of_one_run_and_the_ablation_its_description(store: Path) -> None:
    from mlflow.tracking import MlflowClient

    tables, figures = store / "tables", store / "figures"
    tables.mkdir()
    figures.mkdir()
    for kind in ("png", "svg"):
        (figures / f"recall.{kind}").write_text(kind)
    for text in ("first", "second"):
        (tables / "ablation.md").write_text(text)
        (tables / "ablation.csv").write_text(text)
        for folder in (tables, figures):
            assert tracking.tell_reports("smoke", folder, sweep="default")
    client = MlflowClient(tracking_uri=os.environ["MLFLOW_TRACKING_URI"])
    (run,) = client.search_runs([client.get_experiment_by_name("CADA smoke").experiment_id])
    assert run.data.tags["mlflow.note.content"] == "second"
    assert list(tracking.present(["smoke"])) == ["smoke, all runs"]
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    made = {str(path.relative_to(artifacts)) for path in artifacts.rglob("*.*")}
    assert made == {"tables/ablation.csv", "tables/ablation.md", "figures/recall.png"}
    assert (artifacts / "tables/ablation.csv").read_text() == "second"


@pytest.mark.usefixtures("store")
def test_ctrl_c_marks_the_run_and_the_next_call_goes_on_in_it() -> None:
    """A shell that starts tests in the background has them, and what they start, ignore Ctrl-C: here it is heard."""
    code = (
        "import signal, time\nfrom cada import tracking\nfrom cada.storage.paths import Cell\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with tracking.run(Cell('smoke', 'dual', 3), 'train', tracking.Description({}, 'abc')) as run:\n"
        "    run.log(1, {'loss': 1.0})\n    time.sleep(0.5)\n    print('training', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    (killed,) = stored()
    assert killed.info.status == "KILLED"
    assert points(killed, "loss") == [(1, 1.0)]
    train(range(3))
    (run,) = stored()
    assert (run.info.run_id, run.info.status) == (killed.info.run_id, "FINISHED")
    assert [step for step, _ in points(run, "loss")] == [1, 2]
    assert float(run.data.tags["seconds"]) >= float(killed.data.tags["seconds"]) >= 0.5  # both calls together


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db", "file:///nowhere/mlruns"])
def test_a_store_that_cannot_be_reached_is_named_once(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.delenv("CADA_TRACKING", raising=False)
    train(range(3))
    (line,) = capsys.readouterr().err.splitlines()
    assert carries(line, "MLflow", address, "cada track sync")


def test_a_store_that_fails_in_the_middle_is_named_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        run.log(1, {"loss": 1.0})
        with sqlite3.connect(store / "mlflow.db") as database:
            database.execute("DROP TABLE latest_metrics")
        for _ in range(2):
            run.summary({"val_R1": 1.0})
        assert not run.told
    assert line_with(capsys.readouterr().err, "MLflow", store / "mlflow.db", "cada track sync")


def test_a_store_in_the_folder_where_the_step_runs(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    (store / "history.csv").write_text("step,loss\n")
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        run.log(1, {"loss": 1.0})
        run.artifact(store / "history.csv")
    (found,) = stored()
    assert points(found, "loss") == [(1, 1.0)]
    assert found.info.artifact_uri.startswith(f"{store.as_uri()}/mlartifacts/")


def test_the_store_and_its_files_hold_no_secret(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the address nor of the environment. The secret is one that SQLite takes."""
    secret = "20.0987654321"
    write_matrices(store)
    results(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db?timeout={secret}")
    for name in ("PASSWORD", "TOKEN", "USERNAME"):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", secret)
    weights = store / "model.safetensors"
    weights.write_bytes(b"weights")
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        run.log(1, {"loss": 1.0})
        run.model(weights)
    with tracking.run(CELL, "evaluate", tracking.Description({"evaluate": {"top_k": 16}}, "abc")) as run:
        run.summary(tracking.named_metrics(METRICS))
        run.artifact(store / "results/smoke/metrics/dual/3.json")
    sync(lambda _: (PARAMETERS, "abc"))
    tracking.present(["smoke"])
    assert any("test_R1" in run.data.metrics for run in stored())
    with sqlite3.connect(store / "mlflow.db") as database:
        assert secret not in "\n".join(database.iterdump())
    for path in store.rglob("*"):
        assert secret not in path.name
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def test_off_means_that_mlflow_is_not_imported() -> None:
    code = (
        "import sys\nfrom cada import tracking\nfrom cada.storage.paths import Cell\n"
        "with tracking.run(Cell('a', 'b', 0), 'train', tracking.Description({}, 'x')) as run:\n"
        "    run.log(1, {'loss': 1.0}); run.summary({'test_R1': 1.0})\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"CADA_TRACKING": "off"})


def _first_start(folder: str, seed: int) -> None:
    os.chdir(folder)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    os.environ.pop("CADA_TRACKING", None)
    with tracking.run(Cell("smoke", "dual", seed), "train", tracking.Description({}, "abc")) as run:
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


def test_sync_takes_a_run_of_another_model_for_another_training(store: Path) -> None:
    results(store)
    weights = store / "results/smoke/models/dual/3/model.safetensors"
    weights.parent.mkdir(parents=True)
    for content in ("first", "second", "second"):
        weights.write_text(content)
        sync(lambda _: (PARAMETERS, "abc"))
    new, old = sorted(stored(), key=lambda run: "superseded" in run.data.tags)
    assert (new.data.tags["model.md5"], old.data.tags["model.md5"]) == tuple(
        hashlib.md5(text).hexdigest() for text in (b"second", b"first")
    )
    assert old.data.tags["superseded"] == f"by run {new.info.run_id}"


def test_sync_gives_a_run_the_times_of_its_training(store: Path) -> None:
    results(store)
    benchmark = store / "results/smoke/benchmarks/train/dual/3.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\n80.5\t0:01:20\n")
    os.utime(store / "results/smoke/history/dual/3.csv", (1_000_000, 1_000_000))
    sync(lambda _: (PARAMETERS, "abc"))
    (run,) = stored()
    assert (run.info.start_time, run.info.end_time) == (999_919_500, 1_000_000_000)
    assert run.data.tags["seconds"] == "80.5"


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
    assert (len(points(again, "loss")), len(points(again, "test_R1"))) == (2, 1)


def test_sync_completes_a_run_that_an_outage_cut_short(store: Path) -> None:
    results(store)
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        run.log(20, {"loss": 2.5})
    sync(lambda _: (PARAMETERS, "abc"))
    (found,) = stored()
    assert points(found, "loss") == [(20, 2.5), (40, 2.25)]


def test_sync_says_when_the_store_fails(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with refused("smoke/dual/3", "MLflow", "http://127.0.0.1:9"):
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
