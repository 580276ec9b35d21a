"""What the columns of a table of phrases are called, for the step that writes it and for the tables that read it."""

from __future__ import annotations

from collections.abc import Sequence

PHRASE = ("image", "caption", "phrase")  # what a phrase is named by
SCORES = ("pointing", "best", "inside", "precision")  # of a map, by `correspondence`
BASELINES = ("anatomy", "bound")  # maps that read no image, and the region itself
VIEWS = ("whole", "nothing", "without", "alone", "other")  # of the image: the phrase's region out, it alone, another one out
MEASURES = ("agreement", "same", "mutual")  # of the two directions, by `discrepancy`
RIGHT = ("text_right", "image_right")  # whether a direction chooses the region of what the phrase names


def attribution_names(layers: int) -> tuple[str, ...]:
    """The attributions of a match encoder of so many layers."""
    return (*(f"attention_{layer}" for layer in range(1, layers + 1)), "gradient", "removal")


def columns(attributions: Sequence[str]) -> list[str]:
    """The numbers of each phrase, of maps by these attributions."""
    maps = [f"{name}_{score}" for name in (*attributions, *BASELINES) for score in SCORES]
    return ["area", *maps, *VIEWS, *(f"colour_{view}" for view in VIEWS), *MEASURES, *RIGHT]
