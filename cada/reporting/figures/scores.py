"""Scores of the variants and differences between them, as points with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cada.reporting.figures.style import COLOURS, PAGE, QUIET, message
from cada.reporting.results.metrics import LABEL, MAIN_METRICS, MeasuredVariant
from cada.reporting.tables.cells import MINUS, signed
from cada.reporting.tables.pairs import pair_labels

ROW_HEIGHT = 0.17  # inches


def ablation_figure(variants: Sequence[MeasuredVariant]) -> Figure:
    """R@1 and mAP of every score on the full gallery: a dot for each seed, the mean, and the interval over persons."""
    shown = [(variant, fusion, variant.summary(fusion, "all")) for variant in variants for fusion in variant.fusions("all")]
    figure = Figure(figsize=(PAGE, 0.65 + ROW_HEIGHT * len(shown)))
    panels = figure.subplots(1, len(MAIN_METRICS), sharey=True)
    for axes, metric in zip(panels, MAIN_METRICS, strict=True):
        for place, (variant, fusion, summary) in enumerate(shown):
            colour = COLOURS[1] if variant.is_headline(fusion) else QUIET
            ends = summary[f"{metric}_low"], summary[f"{metric}_high"]
            seeds = [getattr(file.scores[fusion], metric) for file in variant.files]
            axes.plot(ends, [place, place], color=colour, lw=4, alpha=0.25, solid_capstyle="butt")
            axes.plot(seeds, [place] * len(seeds), "o", markersize=3, color=colour, markeredgecolor="white", markeredgewidth=0.4)
            axes.plot(summary[f"{metric}_mean"], place, "|", markersize=9, markeredgewidth=1.4, color="black")
        axes.set(title=f"{LABEL[metric]}, %")
        axes.grid(visible=True, axis="x")
    _name_rows(panels[0], [f"{variant.name}, {fusion}{' *' * variant.is_headline(fusion)}" for variant, fusion, _ in shown])
    return figure


def pairs_figure(values: pd.DataFrame) -> Figure:
    """Paired differences of R@1 and mAP with their intervals; a mark is filled where the interval does not hold zero."""
    records = values.to_dict("records")
    if not records:
        return message("No listed variants differ in one objective or switch: nothing is compared.")
    figure = Figure(figsize=(PAGE, 0.65 + ROW_HEIGHT * len(records)))
    panels = figure.subplots(1, len(MAIN_METRICS), sharey=True)
    for axes, metric in zip(panels, MAIN_METRICS, strict=True):
        axes.axvline(0, color="black", lw=0.8)
        for place, one in enumerate(records):
            mean = one[f"{metric}_difference"]
            colour = COLOURS[1] if one["score"] == "headline" else QUIET
            filling = colour if one[f"{metric}_established"] else "white"
            axes.plot((one[f"{metric}_low"], one[f"{metric}_high"]), [place, place], color=colour, lw=1)
            axes.plot(mean, place, "o", markersize=4, color=colour, markerfacecolor=filling)
            at = ("axes fraction", "data")
            axes.annotate(signed(mean, plus=True), (1.01, place), xycoords=at, va="center", fontsize=6.5, color=colour)
        axes.set(title=f"{LABEL[metric]}, points")
        axes.grid(visible=True, axis="x")
    _name_rows(panels[0], [f" {MINUS} ".join(label.replace(", ", " (") + ")" for label in pair_labels(one)) for one in records])
    return figure


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first at the top
