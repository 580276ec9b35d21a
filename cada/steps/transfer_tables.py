"""The table of transfers between data sets."""

from __future__ import annotations

from pathlib import Path

from cada import config
from cada.errors import CadaError
from cada.paths import Layout, transfer_tables
from cada.reporting.transfer import write_transfer_tables
from cada.steps.matrix import reported


def tabulate_transfers(*, workflow: Path) -> None:
    """Write the table of all data sets, variants and seeds that the workflow file lists."""
    datasets = config.load_workflow(workflow).datasets
    if len(datasets) < 2:
        raise CadaError(f"{workflow}: lists {datasets[0]} alone, and a transfer needs two data sets. Add another one to `datasets`.")
    matrix = reported(datasets[0], workflow)
    write_transfer_tables(
        {(trained, tested): Layout(trained).scores_on(tested) for trained in datasets for tested in datasets},
        variants=list(matrix.titles.items()),
        seeds=matrix.seeds,
        output=transfer_tables(workflow),
    )
