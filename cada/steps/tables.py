"""The tables step."""

from __future__ import annotations

from pathlib import Path

from cada.recipes import Recipe, take
from cada.recipes.models import TitledRecipe
from cada.reporting.tables.pairs import ablation_pairs
from cada.reporting.tables.results import write_result_tables
from cada.storage.paths import PUBLISHED, Layout
from cada.tracking import sweep_name, tell_reports


def write_tables(dataset: str, *, workflow: Path) -> None:
    """Write the tables of the variants and seeds that the workflow file lists."""
    layout, matrix = Layout(dataset), take(Recipe("tables", dataset, workflow=workflow), TitledRecipe)
    write_result_tables(
        dataset,
        variants=list(matrix.titles.items()),
        seeds=matrix.seeds,
        pairs=ablation_pairs(matrix.objectives),
        results=layout.root,
        manifest=layout.manifest,
        literature=PUBLISHED,
        output=layout.tables(workflow),
    )
    tell_reports(dataset, layout.tables(workflow), sweep=sweep_name(workflow))
