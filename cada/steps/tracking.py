"""MLflow told afterwards."""

from __future__ import annotations

from typing import Any

from cada.recipes import Recipe, identity, recorded
from cada.storage.paths import Cell
from cada.tracking.sync import sync


def sync_tracking() -> None:
    """Tell MLflow about the trainings under results/ that it does not know."""
    sync(_described)


def _described(cell: Cell) -> tuple[dict[str, Any], str]:
    """The values of a training, and by what its run is found, as the training told them."""
    recipe = Recipe("train", cell.dataset, cell.variant)
    return recorded(recipe)["values"], identity(recipe).run
