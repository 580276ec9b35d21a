"""The data step."""

from __future__ import annotations

from cada.data.prepare import prepare
from cada.paths import Layout
from cada.recipes import Recipe, take
from cada.recipes.models import DataRecipe


def prepare_data(dataset: str, *, force: bool = False) -> None:
    """Draw or validate the data set and write its manifest."""
    recipe = take(Recipe("data", dataset), DataRecipe)
    prepare(dataset, recipe.data, output=Layout(dataset).manifest, force=force)
