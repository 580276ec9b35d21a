"""MLflow told afterwards, and given an index to serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cada.errors import CadaError
from cada.recipes import Recipe, identity, recorded
from cada.storage.paths import Cell
from cada.tracking.store import connect, make_experiment, reason, shown_uri, tracking_uri
from cada.tracking.sync import sync


def sync_tracking() -> None:
    """Tell MLflow about the trainings under results/ that it does not know."""
    sync(_described)


def register_index(folder: Path, name: str) -> None:
    """Register the index in `folder` as a model in MLflow's store, and say how it is served. Errors: `CadaError` where the store fails."""
    from cada.gallery.index import Index
    from cada.tracking.served import register

    index, uri = Index.open(folder), tracking_uri()
    try:
        found = register(index, name, uri=uri, experiment=make_experiment(connect(), "galleries"))
    except CadaError:
        raise
    except Exception as error:  # what a store can raise: cada.tracking.store.attempt
        raise CadaError(f"MLflow at {shown_uri()}: the index is not registered: {reason(error)}") from error
    print(f"registered {name}, version {found}. Serve it:")
    print(f"MLFLOW_TRACKING_URI={shown_uri()} mlflow models serve --env-manager local --model-uri models:/{name}/{found}")


def _described(cell: Cell) -> tuple[dict[str, Any], str]:
    """The values of a training, and by what its run is found, as the training told them."""
    recipe = Recipe("train", cell.dataset, cell.variant)
    return recorded(recipe)["values"], identity(recipe).run
