"""Ranked lists as pictures: some queries a model answers and some it does not, drawn by lot and not chosen."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cada.reporting.style import PAGE, QUIET, RIGHT, WRONG, message

SHOWN = 10  # pictures of each list
QUERIES = 4
SIZE = (144, 72)  # height, width of a picture in pixels
CELL = 1.02  # inches: a picture's height
Load = Callable[[str], np.ndarray]  # a picture's name to (H, W, 3) uint8


@dataclass(frozen=True)
class RankedList:
    """A query and what was found for it, best first."""

    caption: str
    image: str  # the picture that the caption was written for
    number: int  # of the caption among the picture's
    person: int
    first_rank: int
    found: tuple[str, ...]


def successes(table: pd.DataFrame) -> np.ndarray:
    """Which queries find their person at rank 1: (Q,)."""
    return table["first_rank"].to_numpy() == 1


def failures(table: pd.DataFrame) -> np.ndarray:
    """Which queries do not find their person among the pictures shown: (Q,)."""
    return table["first_rank"].to_numpy() > SHOWN


def draw_lists(table: pd.DataFrame, among: np.ndarray, captions: Mapping[tuple[str, int], str], *, seed: int = 0) -> list[RankedList]:
    """At most QUERIES lists by lot, of different persons, from the rows where `among` (Q,) holds.

    table: a rankings file as `cada.reporting.rankings` reads it. captions: the text of each (image, number).
    """
    order = np.random.Generator(np.random.PCG64(seed)).permutation(np.flatnonzero(among))
    drawn = table.iloc[order].groupby("person", sort=False).head(1).head(QUERIES).reset_index()
    columns = (drawn[name].tolist() for name in ("image", "caption", "person", "first_rank", "top"))
    return [
        RankedList(captions[image, number], image, number, person, first_rank, tuple(top[:SHOWN]))
        for image, number, person, first_rank, top in zip(*columns, strict=True)
    ]


def lists_figure(lists: Sequence[RankedList], persons: Mapping[str, int], load: Load) -> Figure:
    """A row for each list under its caption: the caption's own picture, then what was found, right ones framed and ticked.

    persons: the person of each picture.
    """
    if not lists:
        return message("There is no such query.", width=PAGE)
    rows = len(lists)
    figure = Figure(figsize=(PAGE, rows * (CELL + 0.46)))
    grid = figure.add_gridspec(rows, SHOWN + 2, width_ratios=[1, 0.12, *[1] * SHOWN], wspace=0.02, hspace=0.02)
    for place, found in enumerate(lists):
        panel = figure.add_subplot(grid[place, :])
        panel.axis("off")
        late = f" First right picture: rank {found.first_rank}." if found.first_rank > 1 else ""
        panel.set_title("\n".join(textwrap.wrap(f"“{found.caption}”{late}", 138)), loc="left", fontsize=7, pad=12)
        _picture(figure.add_subplot(grid[place, 0]), load(found.image), "described", QUIET, 0.8)
        for rank, name in enumerate(found.found, start=1):
            right = persons[name] == found.person
            mark = f"{rank} {'✓' if right else '✗'}"
            _picture(figure.add_subplot(grid[place, rank + 1]), load(name), mark, RIGHT if right else WRONG, 2.2 if right else 0.8)
    return figure


def _picture(axes: Axes, picture: np.ndarray, title: str, colour: str, width: float) -> None:
    """A picture in a frame, with a few words above it."""
    axes.imshow(picture, interpolation="none", aspect="equal")  # an SVG then holds it as it is
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=6.5, color=colour, pad=2.5)
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=width)
