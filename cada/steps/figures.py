"""The figures step."""

from __future__ import annotations

from pathlib import Path

from cada.datasets.prepared import load_records
from cada.recipes import Recipe, take
from cada.recipes.models import FiguresRecipe
from cada.reporting.figures import writing
from cada.storage.paths import Layout
from cada.tracking import sweep_name, tell_reports


def write_figures(dataset: str, *, workflow: Path) -> None:
    """Draw the figures of the variants and seeds that the workflow file lists; ranked lists are those of the fullest variant."""
    layout, recipe = Layout(dataset), take(Recipe("figures", dataset, workflow=workflow), FiguresRecipe)
    writing.write_figures(
        dataset,
        variants=list(recipe.titles.items()),
        seeds=recipe.seeds,
        pairs=layout.tables(workflow) / "pairs.csv",
        shown=max(recipe.objectives, key=lambda variant: len(recipe.objectives[variant])),  # of equal ones the first
        results=layout.root,
        root=recipe.source.root,
        records=load_records(dataset, recipe.source, manifest=layout.manifest),
        output=layout.figures(workflow),
    )
    tell_reports(dataset, layout.figures(workflow), sweep=sweep_name(workflow))
