"""MLflow's own server and interface: runs by URL, an outage in the middle of a training, the pages that people open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cada import tracking
from cada.storage.paths import Cell
from cada.tracking.sync import sync
from tests.messages import line_with
from tests.tracking.server import Server

VARIANTS = {"global": 30.0, "atp": 34.0, "ara": 31.0, "dual": 35.0}
STEPS = range(20, 101, 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of the module's own, with the matrix of four variants and two seeds."""
    folder = tmp_path_factory.mktemp("mlflow")
    recipe = folder / "results/smoke/recipes/tables.json"
    recipe.parent.mkdir(parents=True)
    rows = [{"name": name} for name in ("global", "atp", "ara", "dual")]
    recipe.write_text(json.dumps({"values": {"rows": rows, "seeds": [0, 1]}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("CADA_TRACKING", raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        yield folder


def serve(folder: Path, database: str) -> Server:
    """A server that keeps its runs in a database of the folder."""
    return Server(f"sqlite:///{folder}/{database}", str(folder / "artifacts"), folder / f"{database}.log")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A server with the runs of two seeds of four variants, an old run of one of them, and a pre-training."""
    train("dual", 0, parameters="old")
    train("initial", 0)
    for variant in VARIANTS:
        for seed in (0, 1):
            train(variant, seed)
    server = serve(folder, "mlflow.db")
    yield server
    server.stop()


def train(variant: str, seed: int, parameters: str = "new") -> None:
    """What the steps tell of a training and its evaluation."""
    cell, description = Cell("smoke", variant, seed), tracking.Description({"epochs": 5}, parameters, "0123456789abcdef")
    with tracking.run(cell, "initial" if variant == "initial" else "train", description) as run:
        for step in STEPS:
            run.log(step, {"loss": 3.0 - step / 50} | ({} if variant == "initial" else {"val_mAP": VARIANTS[variant], "val_R1": 20.0}))
        weights = Path("model.safetensors")
        weights.write_text(f"{cell} {parameters}")
        run.model(weights)
    if variant != "initial":
        scores = {"cosine": dict.fromkeys(("R1", "R5", "R10", "mAP", "mINP"), VARIANTS[variant] + seed)}
        with tracking.run(cell, "evaluate", tracking.Description({}, parameters)) as run:
            run.summary(tracking.named_metrics({"headline": "cosine", "scores": scores}))


def stored(url: str) -> list[Any]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=url)
    return list(client.search_runs([client.get_experiment_by_name("CADA smoke").experiment_id]))


def steps(url: str, run: Any) -> list[int]:
    from mlflow.tracking import MlflowClient

    return sorted(point.step for point in MlflowClient(tracking_uri=url).get_metric_history(run.info.run_id, "loss"))


def colours(paths: Any, of: str) -> set[str]:
    return {path.evaluate(f"path => getComputedStyle(path).{of}") for path in paths.all()}


def test_the_prepared_link_opens_on_charts_that_compare_the_variants(server: Server, page: Any) -> None:
    links = tracking.present(["smoke"])
    assert list(links) == ["smoke, variants", "smoke, all runs"]
    page.goto(server.url + links["smoke, variants"])
    page.get_by_text("8 matching runs").wait_for()  # neither the superseded one nor the pre-training
    for variant in VARIANTS:
        assert page.get_by_text(f"Group: {variant}").is_visible()
    bars = page.locator(".js-plotly-plot", has=page.locator(".barlayer .point"))
    bars.nth(2).wait_for()
    # A bar is the mean over the variant's seeds; plotly draws from below, so the best is on top.
    assert [float(label) for label in bars.first.locator(".barlayer .bartext").all_text_contents()] == [30.5, 31.5, 34.5, 35.5]
    fills = colours(bars.first.locator(".barlayer .point path"), "fill")
    assert len(fills) == len(VARIANTS)
    lines = page.locator(".js-plotly-plot", has=page.locator(".scatterlayer .trace"))
    lines.first.scroll_into_view_if_needed()
    assert fills <= colours(lines.first.locator(".scatterlayer .trace .js-line"), "stroke")

    page.goto(server.url + links["smoke, all runs"])
    page.get_by_text("10 matching runs").wait_for()
    for column in ("test_R1", "test_mAP", "val_mAP", "loss", "superseded"):
        page.locator(f'.ag-header-cell[col-id*="`{column}`"]').wait_for()
    assert page.get_by_text("by run ").count() == 1


def test_a_server_that_dies_stops_no_training_and_is_told_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(folder, "outage.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    cell, description = Cell("smoke", "global", 7), tracking.Description({"epochs": 5}, "abc")
    with tracking.run(cell, "train", description) as run:
        run.log(20, {"loss": 2.0})
        run.summary({"val_mAP": 1.0})
        assert run.told
        server.stop()
        for step in (40, 60):
            run.log(step, {"loss": 2.0})
            run.summary({"val_mAP": 1.0})
        assert not run.told
    assert line_with(capsys.readouterr().err, "MLflow", server.url, "cada track sync")

    server = serve(folder, "outage.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    history = folder / "results/smoke/history/global/7.csv"
    history.parent.mkdir(parents=True)
    history.write_text("epoch,step,lr,loss\n1,20,0.1,2.0\n2,40,0.1,2.0\n3,60,0.1,2.0\n")
    (cut_short,) = stored(server.url)
    assert (cut_short.info.status, steps(server.url, cut_short)) == ("RUNNING", [20])
    sync(lambda _: ({"epochs": 5}, "abc"))
    (run,) = stored(server.url)
    assert (run.info.run_id, run.info.status, steps(server.url, run)) == (cut_short.info.run_id, "FINISHED", [20, 40, 60])
    assert [path.name for path in (folder / "artifacts").rglob("*.csv")] == ["7.csv"]
    server.stop()
