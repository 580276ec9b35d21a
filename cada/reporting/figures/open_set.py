"""Searches for persons who are not in the gallery: what a false-positive rate costs, and whether probabilities come true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cada.reporting.figures.style import PAGE, QUIET, legend_above, looks, message
from cada.reporting.results.metrics import MeasuredVariant
from cada.reporting.results.open_set import OpenSet
from cada.reporting.tables.open_set import NOTHING_MEASURED, open_sets


def open_set_figure(variants: Sequence[MeasuredVariant]) -> Figure:
    """Left TPIR over FPIR, with marks at val's thresholds; right the share of right first hits over the probability that was said."""
    measured = open_sets(variants)
    if not measured:
        return message(NOTHING_MEASURED, width=PAGE)
    figure = Figure(figsize=(PAGE, 2.6))
    left, right = figure.subplots(1, 2)
    _trade_off(left, measured)
    _reliability(right, measured)
    legend_above(figure, list(measured))
    return figure


def _trade_off(axes: Axes, measured: Mapping[str, Sequence[OpenSet]]) -> None:
    for name, look in looks(list(measured)).items():
        seeds = measured[name]
        axes.plot(seeds[0].trade_off.FPIR, np.mean([one.trade_off.TPIR for one in seeds], axis=0), **look)
        for rate in seeds[0].rates:
            known = [at.scores for one in seeds if (at := one.rates[rate])]
            if len(known) == len(seeds):
                means = [np.mean([getattr(scores, kind) for scores in known]) for kind in ("FPIR", "TPIR")]
                axes.plot(*means, "o", markersize=3.5, color=look["color"])
    axes.set(title="True and false positives", xscale="log", xlabel="FPIR, %", ylabel="TPIR, %", ylim=(0, 100))
    axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.set_xlim(min(seeds[0].trade_off.FPIR[0] for seeds in measured.values()), 100)
    axes.grid(visible=True)


def _reliability(axes: Axes, measured: Mapping[str, Sequence[OpenSet]]) -> None:
    axes.plot([0, 100], [0, 100], color=QUIET, lw=0.8)
    for name, look in looks(list(measured)).items():
        for place, one in enumerate(measured[name]):
            said, happened = ([getattr(row, kind) for row in one.reliability] for kind in ("predicted", "observed"))
            axes.plot(said, happened, marker="o", markersize=2.5, alpha=1 if place == 0 else 0.4, **look)
    axes.set(title="How sure a hit is", xlabel="probability said, %", ylabel="first hits that are right, %", xlim=(0, 100), ylim=(0, 100))
    axes.grid(visible=True)
