"""Curves: what a training did epoch by epoch, and recall over the number of images that are looked at.

Legend: Q queries, S seeds, K ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cada.objectives import OBJECTIVES
from cada.reporting.figures.style import PAGE, legend_above, looks
from cada.reporting.results.histories import Histories, chosen_by
from cada.reporting.results.rankings import Rankings, on_common_queries
from cada.reporting.statistics import Difference, mean_and_deviation, paired_bootstrap
from cada.reporting.tables.cells import frame

RANKS = np.arange(1, 51)
DRAWS = 2_000  # for each rank of each band
PANELS = {
    "val_mAP": "mAP on val",
    "test_mAP": "mAP on test, which chose",  # the published procedure has no val
}
LOSSES = {objective.column: f"{objective.title} loss" for objective in OBJECTIVES.values()}


def training_figure(histories: Histories) -> Figure:
    """A panel for each objective and for the score that chose the checkpoint, over epochs; a band from seed to seed.

    A row of an objective is its mean since the row before. Rows over fewer steps than the others, at the end of an epoch, are left out:
    a mean over few steps differs by chance.
    """
    drawn = {variant: [_without_watched(table) for table in tables] for variant, tables in histories.items()}
    panels = _panels([table for tables in drawn.values() for table in tables])
    figure = Figure(figsize=(PAGE, 2.1))
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        for variant, look in looks(list(histories)).items():
            if all(name in table for table in drawn[variant]):
                _over_seeds(axes, [_series(table, name) for table in drawn[variant]], look)
        axes.set(title=panels[name], xlabel="epoch")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True)
    legend_above(figure, list(histories))
    return figure


def recall_figure(rankings: Rankings) -> Figure:
    """R@K of each variant's headline score, and beside it the points more or less than the first variant's, with 95 % bands."""
    variants = list(rankings)
    reference, *others = variants
    figure = Figure(figsize=(PAGE, 2.5))
    left, right = figure.subplots(1, 2) if others else (figure.subplots(), None)
    for variant, look in looks(variants).items():
        left.plot(RANKS, recalls(rankings[variant]).mean(axis=0), **look)
    left.set(title="Recall", ylabel="R@K, %", ylim=(0, 100))
    _ranks(left)
    legend_above(figure, variants)
    if right is not None:
        for variant in others:
            look = looks(variants)[variant]
            differences = recall_differences(rankings[variant], rankings[reference])
            right.plot(RANKS, [difference.mean for difference in differences], **look)
            low, high = zip(*(difference.interval for difference in differences), strict=True)
            right.fill_between(RANKS, low, high, color=look["color"], alpha=0.15, lw=0)
        right.axhline(0, **looks(variants)[reference])
        right.set(title=f"Difference from {reference}", ylabel="points")
        _ranks(right)
    return figure


def recalls(tables: Sequence[pd.DataFrame]) -> np.ndarray:
    """R@K in percent for each seed and rank of RANKS: (S, K)."""
    return 100 * np.stack([(table["first_rank"].to_numpy()[:, None] <= RANKS).mean(axis=0) for table in tables])


def recall_values(dataset: str, rankings: Rankings) -> pd.DataFrame:
    """R@K of the headline scores, a row for each variant and K: mean over seeds, standard deviation (n - 1), seeds."""
    columns = ("dataset", "variant", "K", "R_mean", "R_std", "seeds")
    records = []
    for variant, tables in rankings.items():
        for k, seeds in zip(RANKS, recalls(tables).T, strict=True):  # (S,)
            records.append(dict(zip(columns, (dataset, variant, k, *mean_and_deviation(seeds.tolist()), len(tables)), strict=True)))
    return frame(records, columns)


def recall_differences(ours: Sequence[pd.DataFrame], theirs: Sequence[pd.DataFrame]) -> list[Difference]:
    """Paired differences of R@K at each rank of RANKS, on the queries of both."""
    tables = on_common_queries(ours, theirs)
    found, others = (np.stack([table["first_rank"].to_numpy()[:, None] <= RANKS for table in mine], axis=1) for mine in tables)  # (Q, S, K)
    return paired_bootstrap(100 * (found.astype(np.float64) - others), tables[0][0]["person"].to_numpy(), samples=DRAWS)


def _without_watched(history: pd.DataFrame) -> pd.DataFrame:
    """Without the scores on test where they chose nothing."""
    return history if chosen_by(history) == "test" else history.drop(columns=history.filter(like="test_").columns)


def _panels(histories: Sequence[pd.DataFrame]) -> dict[str, str]:
    """The columns that have a panel, with its title: scores, then every loss, those of the registry first."""
    columns = dict.fromkeys(str(name) for table in histories for name in table)
    known = PANELS | LOSSES
    titles = known | {name: name for name in columns if name.startswith("loss_") and name not in known}
    return {name: title for name, title in titles.items() if name in columns}


def _series(history: pd.DataFrame, name: str) -> pd.Series:
    """A panel's values by epoch."""
    if name.startswith("loss"):
        covered = history["step"].diff().fillna(history["step"])
        history = history[covered == covered.max()]
    return history.set_index("epoch")[name].dropna()


def _over_seeds(axes: Axes, curves: Sequence[pd.Series], look: Mapping[str, Any]) -> None:
    """The mean of the seeds' curves, which have the same places, and a band from the lowest to the highest."""
    values = pd.concat(curves, axis=1)
    marker: dict[str, Any] = {"marker": "o", "markersize": 2.5} if len(values) < 20 else {}
    axes.plot(values.index, values.mean(axis=1), **look, **marker)
    axes.fill_between(values.index, values.min(axis=1), values.max(axis=1), color=look["color"], alpha=0.15, lw=0)


def _ranks(axes: Axes) -> None:
    axes.set(xscale="log", xlabel="K", xlim=(RANKS[0], RANKS[-1]))
    axes.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.grid(visible=True)
