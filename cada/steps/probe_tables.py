"""The tables of the probes."""

from __future__ import annotations

from pathlib import Path

from cada.recipes import Recipe, take
from cada.recipes.models import MatrixRecipe
from cada.reporting.tables.pairs import ablation_pairs
from cada.reporting.tables.probes import write_probe_tables
from cada.storage.paths import Layout


def tabulate_probes(dataset: str, *, workflow: Path) -> None:
    """Write the tables of the probed variants and seeds that the workflow file lists."""
    layout, matrix = Layout(dataset), take(Recipe("probe-tables", dataset, workflow=workflow), MatrixRecipe)
    write_probe_tables(
        dataset,
        variants=list(matrix.objectives),
        seeds=matrix.seeds,
        pairs=ablation_pairs(matrix.objectives),
        results=layout.root,
        output=layout.probe_tables(workflow),
    )
