"""One image and a caption: where each phrase looks, and the words that are expected in its place."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from matplotlib.figure import Figure, SubFigure

from cada.analysis.explanation import Explanation
from cada.reporting.figures.attention import LETTERS, PHRASE_LETTERS, heated
from cada.reporting.figures.style import PAGE, QUIET, draw_image

IN_ROW = 6  # phrases beside each other
MAP, TITLE, PHRASE, WORD = 1.5, 0.35, 0.35, 0.11  # inches: a map, the caption, the name of a phrase, a line of expected words
SHOWN = 3  # expected words of each masked one


def explanation_figure(told: Explanation, caption: str) -> Figure:
    """The image beside its phrases: their match alone, their maps for each reader, and what is expected where they are masked."""
    rows = [range(start, min(start + IN_ROW, len(told.phrases))) for start in range(0, len(told.phrases), IN_ROW)] or [range(0)]
    share = (1 + max(2, len(rows[0]))) / (1 + IN_ROW)  # of a page's width
    lines = max((len(list(_lines(told, place))) for place in range(len(told.expected))), default=0)
    height = PHRASE + MAP * max(1, len(told.maps)) + WORD * lines
    figure = Figure(figsize=(PAGE * share, TITLE + height * len(rows)))
    title = textwrap.wrap(f"“{caption}” match {told.match:.0%}", int(LETTERS * share))
    figure.suptitle("\n".join(title), x=0.01, ha="left", fontsize=7)
    for part, places in zip(figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows, strict=True):
        _draw(part, told, places, heights=[MAP] * max(1, len(told.maps)) + ([WORD * lines] if lines else []))
    return figure


def _draw(part: SubFigure, told: Explanation, places: range, *, heights: list[float]) -> None:
    columns = 1 + max(2, min(IN_ROW, len(told.phrases)))
    grid = part.add_gridspec(len(heights), columns, height_ratios=heights, wspace=0.04)
    without = "" if told.phrases else "no phrase\nin the caption"
    draw_image(part.add_subplot(grid[0, 0]), told.image / 255, without, colour=QUIET, size=5.5)
    for column, place in enumerate(places, start=1):
        words = "\n".join(textwrap.wrap(told.phrases[place], PHRASE_LETTERS)) + f"\n{told.matches[place]:.0%}"
        for row, (reader, maps) in enumerate(told.maps.items()):
            axes = part.add_subplot(grid[row, column])
            draw_image(axes, heated(told.image, maps[place]), "" if row else words, colour="black", size=5.5)
            if column == 1:
                axes.set_ylabel(reader, fontsize=6.5, color=QUIET, labelpad=2)
        if any(told.expected):
            axes = part.add_subplot(grid[len(told.maps), column])
            axes.axis("off")
            axes.text(0.5, 1, "\n".join(_lines(told, place)), fontsize=5, ha="center", va="top", transform=axes.transAxes)


def _lines(told: Explanation, place: int) -> Iterator[str]:
    for expected in told.expected[place]:
        yield f"[{expected.piece}]"
        yield from (f"{word} {probability:.0%}" for word, probability in expected.instead[:SHOWN])
