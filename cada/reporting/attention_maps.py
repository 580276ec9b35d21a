"""Pictures of what each phrase of a caption looks at.

Legend: N phrases.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure

from cada.reporting.ranked_lists import RankedList
from cada.reporting.style import PAGE, QUIET, RIGHT, WRONG, message

PHRASES = 5  # of each caption, for each reader
ROW, TITLE, WORDS = 1.1, 0.3, 0.3  # inches: the pictures, the caption, and the readers and phrases over the pictures
LETTERS, PHRASE_LETTERS = 130, 11  # of a line: of the page, and over a picture
GAP = 0.35  # between the readers, in pictures
HEAT = np.array(to_rgb(WRONG))
STRONGEST = 0.85  # how much of the colour the patch with the highest value has


@dataclass(frozen=True)
class Attended:
    """A query, the first picture (height, width, 3) uint8 that was found for it, and the maps of its phrases.

    maps: what reads the phrases -> (N, rows, columns), not negative.
    """

    query: RankedList
    right: bool
    picture: np.ndarray
    phrases: tuple[str, ...]
    maps: Mapping[str, np.ndarray]


def attention_figure(queries: Sequence[Attended]) -> Figure:
    """A row for each query: its first picture and, for each reader, the picture under the maps of the first PHRASES phrases."""
    if not queries:
        return message("No listed variant trains a match head: no words look at patches.", width=PAGE)
    figure = Figure(figsize=(PAGE, len(queries) * (TITLE + WORDS + ROW)))
    for part, query in zip(figure.subfigures(len(queries), 1, squeeze=False)[:, 0], queries, strict=True):
        _draw(part, query)
    return figure


def heated(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 in grey under the map (rows, columns), patch by patch; its highest value has the full colour."""
    height, width = picture.shape[:2]
    rows, columns = (np.arange(size) * count // size for size, count in zip((height, width), weights.shape, strict=True))
    strength = weights / max(float(weights.max()), np.finfo(np.float64).tiny)  # a map of zeros stays one
    share = STRONGEST * strength[rows][:, columns, None]
    grey = picture.mean(axis=2, keepdims=True) / 255
    return (1 - share) * (0.25 + 0.75 * grey) + share * HEAT  # a little lighter: dark clothes would swallow the colour


def _draw(part: SubFigure, query: Attended) -> None:
    late = f" First right picture: rank {query.query.first_rank}." if query.query.first_rank > 1 else ""
    part.suptitle("\n".join(textwrap.wrap(f"“{query.query.caption}”{late}", LETTERS)), x=0.01, ha="left", fontsize=7)
    ratios = [1.0, *(ratio for _ in query.maps for ratio in (GAP, *[1.0] * PHRASES))]
    grid = part.add_gridspec(1, len(ratios), width_ratios=ratios, wspace=0.04)
    mark, colour = ("✓", RIGHT) if query.right else ("✗", WRONG)
    _picture(part.add_subplot(grid[0]), query.picture / 255, f"found\nfirst {mark}", colour)
    for place, (reader, maps) in enumerate(query.maps.items()):
        first = 2 + place * (1 + PHRASES)
        for column, (phrase, weights) in enumerate(zip(query.phrases[:PHRASES], maps, strict=False), start=first):
            words = "\n".join(textwrap.wrap(phrase, PHRASE_LETTERS))
            axes = part.add_subplot(grid[column])
            _picture(axes, heated(query.picture, weights), words, "black")
            if column == first:
                axes.set_ylabel(reader, fontsize=6.5, color=QUIET, labelpad=2)


def _picture(axes: Axes, picture: np.ndarray, title: str, colour: str) -> None:
    axes.imshow(picture, interpolation="none", aspect="equal")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=5.5, color=colour, pad=2)
