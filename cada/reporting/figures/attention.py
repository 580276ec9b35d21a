"""Heat maps of the patches that each phrase of a caption attends to.

Legend: N phrases.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure

from cada.reporting.figures.ranked_lists import RankedList
from cada.reporting.figures.style import PAGE, QUIET, RIGHT, WRONG, draw_image, message

MAX_PHRASES = 5  # of each caption, for each reader
IMAGE_ROW, TITLE, WORDS = 1.1, 0.3, 0.3  # inches: the images, the caption, and the readers and phrases above the images
LETTERS, PHRASE_LETTERS = 130, 11  # of a line: of the page, and above an image
GAP = 0.35  # between the readers, in images
HEAT = np.array(to_rgb(WRONG))
STRONGEST = 0.85  # how much of the colour the patch with the highest value has


@dataclass(frozen=True)
class AttendedQuery:
    """A query, the first image (height, width, 3) uint8 that was found for it, and the maps of its phrases.

    maps: by the reader of the phrases, (N, rows, columns), not negative.
    """

    query: RankedList
    right: bool
    image: np.ndarray
    phrases: tuple[str, ...]
    maps: Mapping[str, np.ndarray]


def attention_figure(queries: Sequence[AttendedQuery]) -> Figure:
    """A row for each query: its first image and, for each reader, the image under the maps of the first MAX_PHRASES phrases."""
    if not queries:
        return message("No listed variant trains a match head: no words attend to patches.", width=PAGE)
    figure = Figure(figsize=(PAGE, len(queries) * (TITLE + WORDS + IMAGE_ROW)))
    for part, query in zip(figure.subfigures(len(queries), 1, squeeze=False)[:, 0], queries, strict=True):
        _draw(part, query)
    return figure


def heated(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The image (H, W, 3) uint8 in grey under the map (rows, columns), patch by patch; its highest value has the full colour."""
    height, width = image.shape[:2]
    rows, columns = (np.arange(size) * count // size for size, count in zip((height, width), weights.shape, strict=True))
    strength = weights / max(float(weights.max()), np.finfo(np.float64).tiny)  # a map of zeros stays one
    share = STRONGEST * strength[rows][:, columns, None]
    grey = image.mean(axis=2, keepdims=True) / 255
    return (1 - share) * (0.25 + 0.75 * grey) + share * HEAT  # a little lighter: dark clothes would swallow the colour


def _draw(part: SubFigure, query: AttendedQuery) -> None:
    late = f" First right image: rank {query.query.first_rank}." if query.query.first_rank > 1 else ""
    part.suptitle("\n".join(textwrap.wrap(f"“{query.query.caption}”{late}", LETTERS)), x=0.01, ha="left", fontsize=7)
    ratios = [1.0, *(ratio for _ in query.maps for ratio in (GAP, *[1.0] * MAX_PHRASES))]
    grid = part.add_gridspec(1, len(ratios), width_ratios=ratios, wspace=0.04)
    mark, colour = ("✓", RIGHT) if query.right else ("✗", WRONG)
    draw_image(part.add_subplot(grid[0]), query.image / 255, f"found\nfirst {mark}", colour=colour, size=5.5)
    for place, (reader, maps) in enumerate(query.maps.items()):
        first = 2 + place * (1 + MAX_PHRASES)
        for column, (phrase, weights) in enumerate(zip(query.phrases[:MAX_PHRASES], maps, strict=False), start=first):
            words = "\n".join(textwrap.wrap(phrase, PHRASE_LETTERS))
            axes = part.add_subplot(grid[column])
            draw_image(axes, heated(query.image, weights), words, colour="black", size=5.5)
            if column == first:
                axes.set_ylabel(reader, fontsize=6.5, color=QUIET, labelpad=2)
