"""Ranked lists: some queries that a model answers and some that it does not, drawn at random."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cada.reporting.figures.style import PAGE, QUIET, RIGHT, WRONG, draw_image, message

LISTED = 10  # images of each list
LISTS = 4  # successes, and failures
IMAGE_SIZE = (144, 72)  # height, width of an image in pixels
IMAGE_HEIGHT = 1.02  # inches: an image's height
Load = Callable[[str], np.ndarray]  # an image's name to (H, W, 3) uint8


@dataclass(frozen=True)
class RankedList:
    """A query and what was found for it, best first."""

    caption: str
    image: str  # the one that the caption was written for
    number: int  # of the caption among the image's
    person: int
    first_rank: int
    found: tuple[str, ...]


def successes(table: pd.DataFrame) -> np.ndarray:
    """Which queries find their person at rank 1: (Q,)."""
    return table["first_rank"].to_numpy() == 1


def failures(table: pd.DataFrame) -> np.ndarray:
    """Which queries do not find their person among the images shown: (Q,)."""
    return table["first_rank"].to_numpy() > LISTED


def draw_lists(table: pd.DataFrame, among: np.ndarray, captions: Mapping[tuple[str, int], str], *, seed: int = 0) -> list[RankedList]:
    """At most LISTS random lists of different persons, from the rows where `among` (Q,) holds.

    table: a rankings file as `cada.reporting.results.rankings` reads it. captions: the text of each (image, number).
    """
    order = np.random.Generator(np.random.PCG64(seed)).permutation(np.flatnonzero(among))
    drawn = table.iloc[order].groupby("person", sort=False).head(1).head(LISTS).reset_index()
    columns = (drawn[name].tolist() for name in ("image", "caption", "person", "first_rank", "top"))
    return [
        RankedList(captions[image, number], image, number, person, first_rank, tuple(top[:LISTED]))
        for image, number, person, first_rank, top in zip(*columns, strict=True)
    ]


def lists_figure(lists: Sequence[RankedList], persons: Mapping[str, int], load: Load) -> Figure:
    """A row for each list under its caption: the caption's own image, then what was found, right ones framed and ticked.

    persons: the person of each image.
    """
    if not lists:
        return message("There is no such query.", width=PAGE)
    rows = len(lists)
    figure = Figure(figsize=(PAGE, rows * (IMAGE_HEIGHT + 0.46)))
    grid = figure.add_gridspec(rows, LISTED + 2, width_ratios=[1, 0.12, *[1] * LISTED], wspace=0.02, hspace=0.02)
    for place, found in enumerate(lists):
        panel = figure.add_subplot(grid[place, :])
        panel.axis("off")
        late = f" First right image: rank {found.first_rank}." if found.first_rank > 1 else ""
        panel.set_title("\n".join(textwrap.wrap(f"“{found.caption}”{late}", 138)), loc="left", fontsize=7, pad=12)
        draw_image(figure.add_subplot(grid[place, 0]), load(found.image), "described", colour=QUIET, frame=0.8)
        for rank, name in enumerate(found.found, start=1):
            right = persons[name] == found.person
            mark, colour, width = (f"{rank} ✓", RIGHT, 2.2) if right else (f"{rank} ✗", WRONG, 0.8)
            draw_image(figure.add_subplot(grid[place, rank + 1]), load(name), mark, colour=colour, frame=width)
    return figure
