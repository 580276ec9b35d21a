"""MLflow told afterwards."""

from __future__ import annotations

from cada.steps.common import training_parameters
from cada.sync import sync


def sync_tracking() -> None:
    """Tell MLflow about the trainings under results/ that it does not know."""
    sync(lambda cell: training_parameters(cell.dataset, cell.variant))
