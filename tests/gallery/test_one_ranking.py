"""The same release gives the same ranking wherever it is searched: Python, command line, REST, onnxruntime and MLflow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cada.cli import app
from cada.gallery import Index, Release
from cada.retrieval.calibration import Logistic
from cada.retrieval.openset import ValSearches
from cada.serving.app import create_app
from cada.serving.security import Access
from cada.serving.service import Service
from cada.steps.export import export_model
from cada.steps.tracking import register_index
from tests.gallery.conftest import START

QUERIES = ("A woman with long hair in a red jacket and black trousers.", "a man with a blue backpack", "a child in a yellow dress")
Ways = dict[str, Callable[[str], list[str]]]


@pytest.fixture
def ways(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ways:
    """From a query to the paths of its first ten, by each way."""
    release = Path(shutil.copytree(START, tmp_path / "release"))
    val = ValSearches(24, 1.0, np.linspace(-20, 20, 2000), Logistic(1.0, 0.0))
    Release(release, "calibrated", 10.0, 16, val, {"dataset": "synthpedes"}).write()
    index = Index.create(tmp_path / "gallery", release)
    index.add(photos)

    def by_command(query: str) -> list[str]:
        done = CliRunner().invoke(app, ["search", str(index.folder), query, "--format", "json"])
        assert done.exit_code == 0, done.output
        return [hit["path"] for hit in json.loads(done.stdout)["hits"]]

    client = TestClient(create_app(Service(index), Access()), base_url="http://localhost:8765")

    def by_rest(query: str) -> list[str]:
        answer = client.post("/api/search", json={"parts": [{"text": query}], "k": 10})
        assert answer.status_code == 200, answer.text
        return [index.images_of(hit["id"])[0].path for hit in answer.json()["hits"]]

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    register_index(index.folder, "gallery")
    model = mlflow.pyfunc.load_model("models:/gallery/1")
    export_model(release, int8=False)
    by_onnx = Index.open(index.folder)
    return {
        "Python": lambda query: [hit.path for hit in index.search(query)],
        "command line": by_command,
        "REST": by_rest,
        "onnxruntime": lambda query: [hit.path for hit in by_onnx.search(query)],
        "MLflow": lambda query: model.predict(pd.DataFrame({"query": [query]}))["path"].tolist(),
    }


def test_every_way_gives_one_ranking(ways: Ways) -> None:
    for query in QUERIES:
        found = {way: search(query) for way, search in ways.items()}
        assert len(found["Python"]) == 10
        assert found == dict.fromkeys(ways, found["Python"])
