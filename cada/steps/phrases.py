"""The phrases step."""

from __future__ import annotations

from cada.datasets.prepared import load_records
from cada.phrases.table import write_phrases
from cada.recipes import Recipe, take
from cada.recipes.models import PhrasesRecipe
from cada.storage.paths import Layout


def parse_phrases(dataset: str) -> None:
    """Parse every caption into attribute phrases."""
    layout, recipe = Layout(dataset), take(Recipe("phrases", dataset), PhrasesRecipe)
    records = load_records(dataset, recipe.source, manifest=layout.manifest)
    write_phrases(records, output=layout.phrases)
