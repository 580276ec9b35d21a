"""Sweeps: the matrix of params/workflow.yaml, called `default`, and every other file that lists variants and seeds."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from cada.config import Workflow, load_workflow
from cada.errors import CadaError
from cada.paths import PARAMS, WORKFLOW, Cell

SWEEP = "sweep."  # a run has a tag of this beginning for every sweep that it belongs to
DEFAULT = "default"


def sweep_name(workflow: Path) -> str:
    """What a workflow file is called in MLflow."""
    return workflow.stem if workflow.parent.name == "sweeps" else DEFAULT


def sweeps_of_dataset(dataset: str) -> dict[str, Workflow]:
    """The matrices that the data set is in. A file that cannot be read is not one of them: whoever runs it is told."""
    found = {}
    for path in (WORKFLOW, PARAMS / dataset / WORKFLOW.name, *sorted((PARAMS / "sweeps").glob("*.yaml"))):
        if path.is_file():
            with contextlib.suppress(CadaError):
                matrix = load_workflow(path)
                if dataset in matrix.datasets:
                    found[sweep_name(path)] = matrix
    return found


def sweeps_of(cell: Cell) -> list[str]:
    """The sweeps that train the cell."""
    matrices = sweeps_of_dataset(cell.dataset)
    return [name for name, matrix in matrices.items() if cell.variant in matrix.rows and cell.seed in matrix.seeds]


def regroup(client: Any, experiment: str, dataset: str) -> None:
    """Let the current runs have the tags of the sweeps that the files list now."""
    query = "tags.superseded IS NULL AND tags.experiment IS NULL AND params.variant != ''"
    for found in client.search_runs([experiment], filter_string=query):
        wanted = {f"{SWEEP}{name}" for name in sweeps_of(Cell(dataset, found.data.params["variant"], int(found.data.params["seed"])))}
        known = {name for name in found.data.tags if name.startswith(SWEEP)}
        for name in wanted - known:
            client.set_tag(found.info.run_id, name, "yes")
        for name in known - wanted:
            client.delete_tag(found.info.run_id, name)
