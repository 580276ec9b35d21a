"""Which matrices a training belongs to: that of params/workflow.yaml, called `default`, and the sweeps.

A matrix is known by the recipe of its tables, which lists variants and seeds, wherever its workflow file is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cada.storage.files import read_object
from cada.storage.paths import DEFAULT, SWEEPS, Cell, Layout, is_sweep, matrix_name

SWEEP = "sweep."  # a run has a tag of this beginning for every matrix that it belongs to
TABLES = Path("recipes", "tables.json")


def sweep_name(workflow: Path) -> str:
    """What the matrix of a workflow file is called in MLflow."""
    return matrix_name(workflow).removeprefix(f"{SWEEPS.name}/") if is_sweep(workflow) else DEFAULT


def sweeps_of(cell: Cell) -> list[str]:
    """The matrices that train the cell."""
    found = []
    for name, path in matrices(cell.dataset):
        values = read_object(path, again="`cada recipes` writes it again.", values=dict)["values"]
        if cell.seed in values["seeds"] and cell.variant in {row["name"] for row in values["rows"]}:
            found.append(name)
    return found


def matrices(dataset: str) -> Iterator[tuple[str, Path]]:
    """The matrices that the data set is in, each with the recipe of its tables, two folders under which its reports lie."""
    root = Layout(dataset).root
    if (root / TABLES).is_file():
        yield DEFAULT, root / TABLES
    sweeps = root / SWEEPS.name
    for path in sorted(sweeps.rglob(TABLES.name)):
        if path.parent.name == TABLES.parent.name:
            yield path.parents[1].relative_to(sweeps).as_posix(), path


def regroup(client: Any, experiment: str, dataset: str) -> None:
    """Let the current runs have the tags of the matrices that there are now."""
    query = "tags.superseded IS NULL AND tags.experiment IS NULL AND params.variant != ''"
    for found in client.search_runs([experiment], filter_string=query):
        wanted = {f"{SWEEP}{name}" for name in sweeps_of(Cell(dataset, found.data.params["variant"], int(found.data.params["seed"])))}
        known = {name for name in found.data.tags if name.startswith(SWEEP)}
        for name in wanted - known:
            client.set_tag(found.info.run_id, name, "yes")
        for name in known - wanted:
            client.delete_tag(found.info.run_id, name)
