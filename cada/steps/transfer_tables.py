"""The table of transfers between data sets."""

from __future__ import annotations

from pathlib import Path

from cada.errors import CadaError
from cada.recipes import Recipe, take
from cada.recipes.models import TransferTablesRecipe
from cada.reporting.tables.transfer import write_transfer_tables
from cada.storage.paths import Layout, transfer_tables


def tabulate_transfers(*, workflow: Path) -> None:
    """Write the table of all data sets, variants and seeds that the workflow file lists."""
    recipe = take(Recipe("transfer-tables", workflow=workflow), TransferTablesRecipe)
    datasets = recipe.datasets
    if len(datasets) < 2:
        raise CadaError(f"{workflow}: lists {datasets[0]} alone, and a transfer needs two data sets. Add another one to `datasets`.")
    write_transfer_tables(
        {(trained, tested): Layout(trained).scores_on(tested) for trained in datasets for tested in datasets},
        variants=list(recipe.titles.items()),
        seeds=recipe.seeds,
        output=transfer_tables(workflow),
    )
