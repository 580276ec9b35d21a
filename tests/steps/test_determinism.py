"""The same code and parameters on the same machine make the same files, byte for byte: data to tables, twice from nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.steps.conftest import PREPARE, Small, shrunk

CELL = "('smoke', 'dual', 0)"
FROM_TRAINING_ON = (
    f"from cada.steps.train import train_variant; train_variant{CELL}\n"
    f"from cada.steps.evaluate import evaluate_variant; evaluate_variant{CELL}\n"
    "from pathlib import Path\n"
    "from cada.steps.tables import write_tables; write_tables('smoke', workflow=Path('params/smoke/workflow.yaml'))\n"
)
MADE = {"data/manifest.json", "phrases.parquet", "initial/model.safetensors", "models/dual/0/model.safetensors", "history/dual/0.csv"}
MADE |= {"metrics/dual/0.json", "rankings/dual/0.parquet", "tables/ablation.csv", "tables/ablation.md", "tables/scores.json"}


def files(project: Small, folder: str) -> dict[str, bytes]:
    root = project.root / folder
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


SECRET = "s3cret-word"
# What the environment of a machine holds for other programs, and for MLflow's store and the hub.
PLANTED = {
    "MLFLOW_TRACKING_URI": f"http://someone:{SECRET}@127.0.0.1:9",
    "MLFLOW_TRACKING_TOKEN": SECRET,
    **{"HF_TOKEN": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "SOME_PASSWORD": SECRET},
}


def test_two_runs_from_nothing_make_the_same_files(project: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In folders of other names, in other processes, whose hashes of strings differ, one with secrets in its environment."""
    other = shrunk(tmp_path / "another")
    for one in (project, other):
        one.edit("params/smoke/workflow.yaml", r"variants: .*", "variants: [dual]")
    project.run(FROM_TRAINING_ON)
    with monkeypatch.context() as planted:
        for name, value in PLANTED.items():
            planted.setenv(name, value)
        said = other.run(PREPARE + FROM_TRAINING_ON)
    written = {path: path.read_bytes() for path in other.root.rglob("*") if path.is_file()}
    assert SECRET not in said and [path for path, content in written.items() if SECRET.encode() in content] == []
    for folder in ("data", "results"):
        first, second = files(project, folder), files(other, folder)
        assert first.keys() == second.keys()
        assert [name for name in first if first[name] != second[name]] == []
    assert files(project, "results/smoke").keys() >= MADE
    history = (project.root / "results/smoke/history/dual/0.csv").read_text()
    assert "test_mAP" in history.splitlines()[0], "what test would have chosen is among what is compared"
