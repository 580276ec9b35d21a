"""How far the scores depend on a quantity that somebody chose: the pictures that are re-ranked, and each numeric axis of a sweep.

Legend: S seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from cada.objectives import OBJECTIVES
from cada.reporting.ablation import mean_and_deviation, seeds_note
from cada.reporting.formats import Section, Table, csv_text
from cada.reporting.measured import LABEL, METRICS, Fusion, Scores, Summary, Variant
from cada.reporting.style import PAGE, legend_above, looks, message
from cada.storage.points import base_of, values_of

SHOWN = ("R1", "mAP")  # in the figure
TITLES = {
    "k": "Pictures that are re-ranked (k)",
    "ara_rate": "Share of the attribute phrases that ARA masks (ara_rate)",
    "group_count": "Groups of a caption's tokens in ATP (group_count)",
} | {name: f"Weight of the {objective.label} loss ({name})" for name, objective in OBJECTIVES.items()}
NOTHING = "No listed variant re-ranks, and no list of numbers is varied: there is no sensitivity to show."
ROW = 2.1  # inches


@dataclass(frozen=True)
class Curve:
    """One score of a variant over the values of a quantity: at each value the scores of S seeds.

    The headline is called so where it is not the same score at every value: with an ATP weight of 0 nothing is re-ranked.
    """

    variant: str
    fusion: Fusion | Literal["headline"]
    points: tuple[tuple[float, tuple[Scores, ...]], ...]

    def summaries(self, metric: str) -> list[Summary]:
        """A metric at each value: mean and standard deviation over the seeds, and the lowest and the highest of them."""
        return [_summary([getattr(scores, metric) for scores in seeds]) for _, seeds in self.points]


@dataclass(frozen=True)
class Quantity:
    """What is varied, the headline scores over it, and beside them the cosine alone where it is another score."""

    name: str
    headlines: tuple[Curve, ...]
    cosines: tuple[Curve, ...]


def quantities(variants: Sequence[Variant]) -> list[Quantity]:
    """k where a variant re-ranks, then each key of a sweep's rows that has several numbers, in the order of the names."""
    reranking = [variant for variant in variants if variant.files[0].scores_at_k is not None]
    found = [Quantity("k", tuple(map(_over_k, reranking)), tuple(map(_cosine_over_k, reranking)))] if reranking else []
    for key in dict.fromkeys(key for variant in variants for key in values_of(variant.name)):
        if (lines := _lines(variants, key)) is not None:
            headlines = tuple(_over_values(label, line) for label, line in lines.items())
            cosines = tuple(_over_values(label, line, fusion="cosine") for label, line in lines.items())
            found.append(Quantity(key, headlines, tuple(curve for curve in cosines if curve not in headlines)))
    return found


def sensitivity_table(dataset: str, variants: Sequence[Variant]) -> Table:
    """A section for each quantity, a row for each variant, score and value."""
    sections = [Section(TITLES[quantity.name], tuple(_rows(quantity))) for quantity in quantities(variants)]
    columns = ("variant", "score", "value", *(LABEL[name] for name in METRICS))
    return Table(f"Sensitivity on {dataset}", columns, 3, tuple(sections), tuple(_notes(variants)))


def sensitivity_csv(dataset: str, variants: Sequence[Variant]) -> str:
    """The table's rows and the cosine's, to four decimals: mean, standard deviation (n - 1), the lowest and the highest of the seeds."""
    columns = ["dataset", "quantity", "variant", "score", "value", "seeds"]
    columns += [f"{name}_{part}" for name in METRICS for part in ("mean", "std", "lowest", "highest")]
    lines = []
    for quantity in quantities(variants):
        for curve in (*quantity.headlines, *quantity.cosines):
            summaries = {name: curve.summaries(name) for name in METRICS}
            for place, (value, seeds) in enumerate(curve.points):
                line = [dataset, quantity.name, curve.variant, curve.fusion, f"{value:g}", str(len(seeds))]
                for name in METRICS:
                    summary = summaries[name][place]
                    assert summary.interval is not None
                    deviation = "" if summary.deviation is None else f"{summary.deviation:.4f}"
                    line += [f"{summary.mean:.4f}", deviation, *(f"{end:.4f}" for end in summary.interval)]
                lines.append(line)
    return csv_text(columns, lines)


def sensitivity_figure(variants: Sequence[Variant]) -> Figure:
    """A row of panels for each quantity: a metric over its values, mean and range of the seeds, the cosine alone dotted."""
    varied = quantities(variants)
    if not varied:
        return message(NOTHING, width=PAGE)
    figure = Figure(figsize=(PAGE, ROW * len(varied) + 0.2))
    for part, quantity in zip(figure.subfigures(len(varied), 1, squeeze=False)[:, 0], varied, strict=True):
        _row_of_panels(part, quantity)
    return figure


def _row_of_panels(part: SubFigure, quantity: Quantity) -> None:
    look = looks([curve.variant for curve in quantity.headlines])
    ticks = sorted({value for curve in quantity.headlines for value, _ in curve.points})
    for axes, metric in zip(part.subplots(1, len(SHOWN)), SHOWN, strict=True):
        for curve in quantity.headlines:
            _over_seeds(axes, curve, metric, look[curve.variant])
        for curve in quantity.cosines:
            means = [summary.mean for summary in curve.summaries(metric)]
            axes.plot([value for value, _ in curve.points], means, color=look[curve.variant]["color"], linestyle=(0, (1, 2)), linewidth=0.9)
        axes.set(title=f"{LABEL[metric]}, %", xlabel=TITLES[quantity.name])
        if quantity.name == "k":
            axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.grid(visible=True)
    legend_above(part, [curve.variant for curve in quantity.headlines])


def _over_seeds(axes: Axes, curve: Curve, metric: str, look: Mapping[str, Any]) -> None:
    """The mean of the seeds as a line, and a band from the lowest to the highest."""
    values, summaries = [value for value, _ in curve.points], curve.summaries(metric)
    axes.plot(values, [summary.mean for summary in summaries], marker="o", markersize=2.5, **look)
    low, high = zip(*(summary.interval for summary in summaries if summary.interval), strict=True)
    axes.fill_between(values, low, high, color=look["color"], alpha=0.12, lw=0)


def _over_k(variant: Variant) -> Curve:
    """The headline score over k, at the values that all seeds have."""
    seeds = [file.scores_at_k or {} for file in variant.files]
    shared = sorted(set.intersection(*(set(scores) for scores in seeds)))
    return Curve(variant.name, variant.files[0].headline, tuple((k, tuple(scores[k] for scores in seeds)) for k in shared))


def _cosine_over_k(variant: Variant) -> Curve:
    cosine = tuple(file.scores["cosine"] for file in variant.files)
    return Curve(variant.name, "cosine", tuple((k, cosine) for k, _ in _over_k(variant).points))


def _lines(variants: Sequence[Variant], key: str) -> dict[str, dict[float, Variant]] | None:
    """The rows that differ in the value of `key` alone, by the name that is left of them; None where it has not several numbers."""
    lines: dict[str, dict[float, Variant]] = {}
    for variant in variants:
        values = values_of(variant.name)
        try:
            value = float(values.pop(key))
        except (KeyError, ValueError):
            return None
        rest = ",".join([base_of(variant.name), *(f"{other}={text}" for other, text in values.items())])
        lines.setdefault(rest, {})[value] = variant
    return {rest: dict(sorted(line.items())) for rest, line in lines.items()} if len(next(iter(lines.values()))) > 1 else None


def _over_values(label: str, line: dict[float, Variant], *, fusion: Fusion | None = None) -> Curve:
    """A score, without `fusion` the headline's, over the values of a sweep's axis."""
    names = {fusion or variant.files[0].headline for variant in line.values()}
    points = tuple((value, tuple(file.scores[fusion or file.headline] for file in variant.files)) for value, variant in line.items())
    return Curve(label, names.pop() if len(names) == 1 else "headline", points)


def _rows(quantity: Quantity) -> list[tuple[str, ...]]:
    rows = []
    cosines = () if quantity.name == "k" else quantity.cosines  # of which k = 1 is the value
    for curve in (*quantity.headlines, *cosines):
        summaries = [curve.summaries(name) for name in METRICS]
        for place, (value, _) in enumerate(curve.points):
            cells = (mean_and_deviation(found[place]) for found in summaries)
            rows.append((curve.variant, curve.fusion, f"{value:g}", *cells))
    return rows


def _notes(variants: Sequence[Variant]) -> list[str]:
    varied = [quantity.name for quantity in quantities(variants)]
    if not varied:
        return [NOTHING]
    notes = [seeds_note(variants), "Full test gallery. A description of what was chosen before: nothing is chosen by this table."]
    if "k" in varied:
        notes.append(
            "k: the same match logits, of which the first k of each query are used; w, the weight of the cosine, is what val chose at the "
            "largest k. k = 1 changes no order: it is the cosine alone."
        )
    return notes


def _summary(values: Sequence[float]) -> Summary:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Summary(statistics.fmean(values), deviation, (min(values), max(values)))
