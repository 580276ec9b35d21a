"""The same code and parameters on the same machine make the same files, byte for byte: data to tables, twice from nothing."""

from __future__ import annotations

from pathlib import Path

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


def test_two_runs_from_nothing_make_the_same_files(project: Small, tmp_path: Path) -> None:
    """In folders of other names, in other processes, whose hashes of strings differ."""
    other = shrunk(tmp_path / "another")
    for one in (project, other):
        one.edit("params/smoke/workflow.yaml", r"variants: .*", "variants: [dual]")
    project.run(FROM_TRAINING_ON)
    other.run(PREPARE + FROM_TRAINING_ON)
    for folder in ("data", "results"):
        first, second = files(project, folder), files(other, folder)
        assert first.keys() == second.keys()
        assert [name for name in first if first[name] != second[name]] == []
    assert files(project, "results/smoke").keys() >= MADE
    history = (project.root / "results/smoke/history/dual/0.csv").read_text()
    assert "test_mAP" in history.splitlines()[0], "what test would have chosen is among what is compared"
