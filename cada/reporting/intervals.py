"""Scores and differences as points with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cada.reporting.formats import MINUS, signed
from cada.reporting.measured import LABEL, Variant, rows
from cada.reporting.pairs import SCORES, SHOWN, Pair
from cada.reporting.style import COLOURS, PAGE, QUIET, message

ROW = 0.17  # inches


def ablation_figure(variants: Sequence[Variant]) -> Figure:
    """R@1 and mAP of every score on the full gallery: a dot for each seed, the mean, and the interval over persons."""
    shown = [(variant, row) for variant in variants for row in rows(variant, "all")]
    figure = Figure(figsize=(PAGE, 0.65 + ROW * len(shown)))
    panels = figure.subplots(1, len(SHOWN), sharey=True)
    for axes, metric in zip(panels, SHOWN, strict=True):
        for place, (variant, row) in enumerate(shown):
            summary, colour = row.summaries[metric], COLOURS[1] if row.headline else QUIET
            assert summary.interval is not None, "the full gallery has intervals"
            seeds = [getattr(file.scores[row.fusion], metric) for file in variant.files]
            axes.plot(summary.interval, [place, place], color=colour, lw=4, alpha=0.25, solid_capstyle="butt")
            axes.plot(seeds, [place] * len(seeds), "o", markersize=3, color=colour, markeredgecolor="white", markeredgewidth=0.4)
            axes.plot(summary.mean, place, "|", markersize=9, markeredgewidth=1.4, color="black")
        axes.set(title=f"{LABEL[metric]}, %")
        axes.grid(visible=True, axis="x")
    _name_rows(panels[0], [f"{row.variant}, {row.fusion}{' *' if row.headline else ''}" for _, row in shown])
    return figure


def pairs_figure(pairs: Sequence[Pair]) -> Figure:
    """Paired differences of R@1 and mAP with their intervals; a mark is filled where the interval leaves zero out."""
    if not pairs:
        return message("No listed variants differ in one objective or switch: nothing is compared.")
    ordered = [pair for score in SCORES for pair in pairs if pair.score == score]
    figure = Figure(figsize=(PAGE, 0.65 + ROW * len(ordered)))
    panels = figure.subplots(1, len(SHOWN), sharey=True)
    for axes, metric in zip(panels, SHOWN, strict=True):
        axes.axvline(0, color="black", lw=0.8)
        for place, pair in enumerate(ordered):
            difference = pair.differences[metric]
            colour = COLOURS[1] if pair.score == "headline" else QUIET
            filling = colour if difference.established else "white"
            axes.plot(difference.interval, [place, place], color=colour, lw=1)
            axes.plot(difference.mean, place, "o", markersize=4, color=colour, markerfacecolor=filling)
            axes.annotate(
                signed(difference.shown()[0], plus=True),
                (1.01, place),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=6.5,
                color=colour,
            )
        axes.set(title=f"{LABEL[metric]}, points")
        axes.grid(visible=True, axis="x")
    _name_rows(panels[0], [f" {MINUS} ".join(_short(label) for label in pair.labels) for pair in ordered])
    return figure


def _short(label: str) -> str:
    return label.replace(", ", " (") + ")"


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first at the top
