"""Wrong choices: sentences with the image that they describe and the look-alike that a model prefers."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure

from cada.reporting.figures.style import PAGE, RIGHT, WRONG, draw_image, message
from cada.reporting.results.choices import KINDS
from cada.reporting.tables.cells import MINUS

EACH = 2  # of each kind of change
ACROSS = 4  # choices in a row
ROW = 2.1  # inches
LETTERS = 36  # of a line above two images


@dataclass(frozen=True)
class WrongChoice:
    """A sentence, what differs, the image described and its look-alike (height, width, 3) uint8, and by score what both have."""

    sentence: str
    difference: str
    right: np.ndarray
    wrong: np.ndarray
    scores: Mapping[str, tuple[float, float]]


def draw_failures(table: pd.DataFrame, score: str, *, seed: int = 0) -> pd.DataFrame:
    """At most EACH random rows of each kind in which the look-alike of the image has more of the score.

    table: the choices of one model as `cada.reporting.results.choices` reads them.
    """
    failed = table[(table["chosen"] == "image") & (table[score] == 0)]
    shuffled = failed.sample(frac=1, random_state=seed)
    return pd.concat([shuffled[shuffled["kind"] == kind].head(EACH) for kind in KINDS])


def look_alikes_figure(choices: Sequence[WrongChoice], *, drawn: bool) -> Figure:
    """ACROSS choices in a row, each with its sentence above the image described and the look-alike, which have their scores below."""
    if not choices:
        return message("No image is preferred to the one described." if drawn else "Look-alikes are drawn of drawn sets alone.", width=PAGE)
    rows = -(-len(choices) // ACROSS)
    figure = Figure(figsize=(PAGE, rows * ROW))
    for part, choice in zip(figure.subfigures(rows, ACROSS, squeeze=False).flat, choices, strict=False):
        _draw(part, choice)
    return figure


def _draw(part: SubFigure, choice: WrongChoice) -> None:
    part.suptitle("\n".join(textwrap.wrap(f"“{choice.sentence}”", LETTERS)), x=0.01, ha="left", fontsize=5.5)
    axes = part.subplots(1, 2)
    sides = (("described", choice.right, RIGHT), (choice.difference, choice.wrong, WRONG))
    for side, (own, (title, image, colour)) in enumerate(zip(axes, sides, strict=True)):
        draw_image(own, image / 255, title, colour=colour, size=5.5)
        own.set_xlabel("\n".join(_score(name, values[side]) for name, values in choice.scores.items()), fontsize=5.5)


def _score(name: str, value: float) -> str:
    return f"{name} {value:.3f}".replace("-", MINUS)
