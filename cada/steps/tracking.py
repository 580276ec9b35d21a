"""MLflow told afterwards, and given an index to serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cada.recipes import Recipe, identity, recorded
from cada.storage.paths import Cell
from cada.tracking.store import awaited, connect, make_experiment, shown_uri, tracking_uri
from cada.tracking.sync import sync


def sync_tracking() -> None:
    """Tell MLflow about the trainings under results/ that it does not know."""
    sync(_described)


def register_index(folder: Path, name: str) -> None:
    """Register the index in `folder` as a model in MLflow's store, and say how it is served. Errors: `CadaError` where the store fails."""
    from cada.gallery.index import Index
    from cada.tracking.served import register

    index, uri = Index.open(folder), tracking_uri()
    with awaited():
        found = register(index, name, uri=uri, experiment=make_experiment(connect(), "galleries"))
    print(f"registered {name}, version {found}. Serve it:")
    print(f"MLFLOW_TRACKING_URI={shown_uri()} mlflow models serve --env-manager local --model-uri models:/{name}/{found}")


def _described(cell: Cell) -> tuple[dict[str, Any], str]:
    """The values of a training, and by what its run is found, as the training told them."""
    recipe = Recipe("train", cell.dataset, cell.variant)
    return recorded(recipe)["values"], identity(recipe).run
