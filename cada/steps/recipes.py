"""Recipes written by hand, or for DVC's first stages; Snakemake writes them before it builds its graph."""

from __future__ import annotations

from pathlib import Path

from cada.config import load_workflow
from cada.recipes import of_dataset, of_variant, recipes_of, write


def write_recipes(dataset: str | None, variant: str | None, *, workflow: Path) -> None:
    """Bring up to date the recipes of a variant, of what a data set has one of, or of the whole matrix; print those that changed."""
    matrix = load_workflow(workflow)
    if dataset is None:
        chosen = recipes_of(matrix, workflow)
    elif variant is None:
        chosen = of_dataset(dataset, workflow)
    else:
        chosen = of_variant(dataset, variant)
    for path in write(chosen, matrix):
        print(path)
