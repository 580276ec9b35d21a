"""The tables and the figure of the associations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cada.datasets.decoding import read_rgb
from cada.datasets.prepared import load_records
from cada.datasets.records import image_path
from cada.recipes import Recipe, take
from cada.recipes.models import AssociationTablesRecipe
from cada.reporting.figures.association import association_figure, figure_caption
from cada.reporting.figures.style import save, style
from cada.reporting.results.associations import read_associations
from cada.reporting.results.metrics import read_variants
from cada.reporting.tables.associations import write_association_tables
from cada.reporting.tables.pairs import ablation_pairs
from cada.storage.files import write_json
from cada.storage.paths import Layout
from cada.tracking import sweep_name, tell_reports


def tabulate_associations(dataset: str, *, workflow: Path) -> None:
    """Write the tables of the variants and seeds that the workflow file lists, and the figure of the one with the most objectives."""
    recipe, layout = take(Recipe("association-tables", dataset, workflow=workflow), AssociationTablesRecipe), Layout(dataset)
    output, names = layout.association_tables(workflow), list(recipe.objectives)
    files, phrases = read_associations(dataset, names, recipe.seeds, layout.root / "associations")
    results = read_variants(dataset, [(name, name) for name in names], recipe.seeds, layout.root / "metrics")
    write_association_tables(dataset, files, phrases, results=results, pairs=ablation_pairs(recipe.objectives), output=output)
    shown = files[max(names, key=lambda name: len(recipe.objectives[name]))][0]
    record = next(one for one in load_records(dataset, recipe.source, manifest=layout.manifest) if one.image == shown.example.image)
    image = np.asarray(read_rgb(image_path(recipe.source.root, record)))
    with style():
        save(association_figure(shown, image), output, "association")
    write_json(output / "captions.json", {"association": figure_caption(shown)})
    tell_reports(dataset, output, sweep=sweep_name(workflow))
