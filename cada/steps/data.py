"""The data step."""

from __future__ import annotations

from cada.datasets.prepare import prepare
from cada.recipes import Recipe, take
from cada.recipes.models import DataRecipe
from cada.storage.paths import Layout


def prepare_data(dataset: str, *, force: bool = False) -> None:
    """Draw or validate the data set and write its manifest."""
    recipe = take(Recipe("data", dataset), DataRecipe)
    prepare(dataset, recipe.data, output=Layout(dataset).manifest, force=force)
