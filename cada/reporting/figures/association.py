"""One caption and its image in both directions: what each phrase looks at, and which region predicts it.

Legend: N phrases, R regions, P patches.
"""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cada.analysis.association.regions import home_of
from cada.reporting.figures.attention import LETTERS, PHRASE_LETTERS, heated
from cada.reporting.figures.style import PAGE, QUIET, RIGHT, WRONG, draw_image
from cada.reporting.results.associations import AssociationsFile, Example

MAPS, ROW, HEADINGS = 1.6, 0.17, 1.2  # inches: the maps with their phrases, a phrase's row of a matrix, and what is around the matrices
SHADES = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", WRONG])
LIGHT = 0.6  # of a row's highest value: darker cells have white numbers


def association_figure(file: AssociationsFile, image: np.ndarray) -> Figure:
    """Above the image (H, W, 3) uint8 and the map of each phrase, with the thing's outline; below the two matrices of phrases by regions.

    In each row the highest value has a frame, blue where it is the region of what the phrase names.
    """
    shown = file.example
    count = len(shown.phrases)
    figure = Figure(figsize=(PAGE, MAPS + HEADINGS + ROW * count))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[MAPS, HEADINGS + ROW * count])[:, 0]
    above.suptitle("\n".join(textwrap.wrap(f"“{shown.caption}”", LETTERS)), x=0.01, ha="left", fontsize=6.5)
    panels = above.subplots(1, count + 1, squeeze=False)[0]
    draw_image(panels[0], image / 255, "image", colour=QUIET, size=5.5)
    covered = dict(zip(shown.regions, np.array(shown.coverage), strict=True))
    for axes, phrase, slot, weights in zip(panels[1:], shown.phrases, shown.slots, shown.maps, strict=True):
        words = "\n".join(textwrap.wrap(phrase, PHRASE_LETTERS))
        draw_image(axes, heated(image, np.array(weights).reshape(file.grid)), words, colour="black", size=5.5)
        if (home := home_of(slot)) in covered:
            _outline(axes, covered[home].reshape(file.grid), image.shape[:2])
    titles = ("Text looks at image: weight of the map on the region", "Image predicts text: nats lost without the region")
    for axes, title, matrix in zip(below.subplots(1, 2), titles, (shown.looks, shown.predicts), strict=True):
        _draw_matrix(axes, np.array(matrix), shown, title)
    return figure


def _outline(axes: Axes, covered: np.ndarray, size: tuple[int, int]) -> None:
    """Lines around the patches (rows, columns) that a region takes half of, or the most."""
    taken = np.pad(covered >= min(0.5, covered.max()), 1)
    height, width = (whole / count for whole, count in zip(size, covered.shape, strict=True))
    for row, column in np.argwhere(taken):
        top, left = (row - 1) * height - 0.5, (column - 1) * width - 0.5
        sides = {(-1, 0): (0, 0, 1, 0), (1, 0): (0, 1, 1, 1), (0, -1): (0, 0, 0, 1), (0, 1): (1, 0, 1, 1)}
        for (down, right), (x0, y0, x1, y1) in sides.items():
            if not taken[row + down, column + right]:
                axes.plot([left + x0 * width, left + x1 * width], [top + y0 * height, top + y1 * height], color=RIGHT, linewidth=0.8)


def _draw_matrix(axes: Axes, matrix: np.ndarray, shown: Example, title: str) -> None:
    """Numbers (N, R), each row shaded by its own highest value."""
    shares = np.clip(matrix, 0, None) / np.maximum(matrix.max(axis=1, keepdims=True), np.finfo(float).tiny)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    axes.set_title(title, fontsize=6.5)
    axes.set_xticks(range(len(shown.regions)), shown.regions, rotation=45, ha="right", fontsize=5.5)
    axes.set_yticks(range(len(shown.phrases)), [textwrap.shorten(phrase, 24) for phrase in shown.phrases], fontsize=5.5)
    for row, slot in enumerate(shown.slots):
        for column, value in enumerate(matrix[row]):
            colour = "white" if shares[row, column] > LIGHT else "black"
            axes.text(column, row, f"{value:.1f}".replace("-0.0", "0.0"), ha="center", va="center", fontsize=5, color=colour)
        chosen = int(matrix[row].argmax())
        right = shown.regions[chosen] == home_of(slot)
        frame = RIGHT if right else "black"
        axes.add_patch(Rectangle((chosen - 0.48, row - 0.46), 0.96, 0.92, fill=False, edgecolor=frame, linewidth=1.2))


def figure_caption(file: AssociationsFile) -> str:
    """What the figure shows, and by which rule the pair was chosen."""
    outline = "Blue outline: the patches of the thing that the phrase names. " if file.slots else ""
    frame = f"Framed: the region that the row chooses{'; blue where it is the right one' if file.slots else ''}. "
    return (
        f"{file.variant}, seed {file.seed}: one test caption with its own image. Above, where each phrase looks ({file.attribution}). "
        f"{outline}"
        "Below, the same phrases by the regions of the image, in both directions: the mean weight of the phrase's map on a region, in "
        f"multiples of its mean over the image, and the nats that the masked phrase loses when the region is taken out. {frame}"
        "The pair was chosen by rule: of those with the most phrases that fit into the figure, the one whose rank agreement of the two "
        "directions is nearest to the mean of all pairs."
    )
