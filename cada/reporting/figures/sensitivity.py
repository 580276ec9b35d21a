"""Scores over the quantities that were chosen, from the values of the table of the same name."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure, SubFigure

from cada.reporting.figures.style import PAGE, legend_above, looks, message
from cada.reporting.results.metrics import LABEL, MAIN_METRICS
from cada.reporting.tables.cells import Record, records_by
from cada.reporting.tables.sensitivity import NOTHING_VARIED, title

PANEL_HEIGHT = 2.1  # inches


def sensitivity_figure(values: pd.DataFrame) -> Figure:
    """A row of panels for each quantity: a metric over its values, mean and range of the seeds, the cosine alone dotted."""
    quantities = records_by(values, "quantity")
    if not quantities:
        return message(NOTHING_VARIED, width=PAGE)
    figure = Figure(figsize=(PAGE, PANEL_HEIGHT * len(quantities) + 0.2))
    parts = figure.subfigures(len(quantities), 1, squeeze=False)[:, 0]
    for part, (quantity, records) in zip(parts, quantities.items(), strict=True):
        _row_of_panels(part, quantity, records)
    return figure


def _row_of_panels(part: SubFigure, quantity: str, records: Sequence[Record]) -> None:
    curves = records_by(pd.DataFrame(records), "variant", "score")
    headlines: dict[str, str] = {}
    for variant, score in curves:
        headlines.setdefault(variant, score)  # the cosine comes second
    look = looks(list(headlines))
    ticks = sorted({float(one["value"]) for one in records})
    for axes, metric in zip(part.subplots(1, len(MAIN_METRICS)), MAIN_METRICS, strict=True):
        for (variant, score), own in curves.items():
            places = [float(one["value"]) for one in own]
            mean, low, high = ([one[f"{metric}_{name}"] for one in own] for name in ("mean", "lowest", "highest"))
            if headlines[variant] == score:
                axes.plot(places, mean, marker="o", markersize=2.5, **look[variant])
                axes.fill_between(places, low, high, color=look[variant]["color"], alpha=0.12, lw=0)
            else:
                axes.plot(places, mean, color=look[variant]["color"], linestyle=(0, (1, 2)), linewidth=0.9)
        axes.set(title=f"{LABEL[metric]}, %", xlabel=title(quantity))
        if quantity == "k":
            axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.grid(visible=True)
    legend_above(part, list(look))
