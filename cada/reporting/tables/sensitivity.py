"""How much the scores depend on a quantity that was chosen: the number of re-ranked images, and each numeric axis of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cada.objectives import OBJECTIVES
from cada.reporting.results.metrics import LABEL, MeasuredVariant, Scores
from cada.reporting.statistics import mean_and_deviation
from cada.reporting.tables.cells import frame, parts_of, records_by, spread
from cada.reporting.tables.notes import seeds_note
from cada.reporting.tables.table import Section, Table
from cada.retrieval.metrics import METRICS
from cada.storage.points import base_of, values_of

QUANTITIES = {
    "k": "Re-ranked images (k)",
    "ara_rate": "Probability that ARA masks a phrase (ara_rate)",
    "group_count": "Groups of a caption's tokens in ATP (group_count)",
} | {name: f"Weight of the {objective.label} loss ({name})" for name, objective in OBJECTIVES.items()}
NOTHING_VARIED = "No listed variant re-ranks, and no list of numbers is varied: there is no sensitivity to show."
PARTS = ("mean", "std", "lowest", "highest")


def title(quantity: str) -> str:
    """What a quantity is called; a switch without a title goes by its name."""
    return QUANTITIES.get(quantity, quantity)


@dataclass(frozen=True)
class ScoreCurve:
    """One score of a variant over the values of a quantity: at each value the scores of the seeds.

    The score is called headline where it is not the same at every value: with an ATP weight of 0 nothing is re-ranked.
    """

    quantity: str
    variant: str
    score: str
    points: Mapping[float, Sequence[Scores]]


def sensitivity_values(dataset: str, variants: Sequence[MeasuredVariant]) -> pd.DataFrame:
    """The headline scores over each quantity, then the cosine where it is another score: mean, standard deviation (n - 1), the lowest and
    the highest of the seeds.

    The quantities are k where a variant re-ranks, then each key of a sweep's rows that has several numbers, in the order of the names.
    """
    records = []
    keys = dict.fromkeys(key for variant in variants for key in values_of(variant.name))
    for curve in (*_over_k(variants), *(curve for key in keys for curve in _over_axis(variants, key))):
        for value, seeds in curve.points.items():
            record: dict[str, Any] = {"dataset": dataset, "quantity": curve.quantity, "variant": curve.variant, "score": curve.score}
            record |= {"value": f"{value:g}", "seeds": len(seeds)}
            for metric in METRICS:
                own = [getattr(scores, metric) for scores in seeds]
                record |= dict(zip(parts_of([metric], PARTS), (*mean_and_deviation(own), min(own), max(own)), strict=True))
            records.append(record)
    return frame(records, ["dataset", "quantity", "variant", "score", "value", "seeds", *parts_of(METRICS, PARTS)])


def _over_k(variants: Sequence[MeasuredVariant]) -> list[ScoreCurve]:
    """The headline scores over k, at the values that all seeds have, and the cosine, which is the same at each."""
    headlines, cosines = [], []
    for variant in variants:
        if variant.files[0].scores_at_k is not None:
            seeds = [file.scores_at_k or {} for file in variant.files]
            shared = sorted(set.intersection(*map(set, seeds)))
            headlines.append(ScoreCurve("k", variant.name, variant.files[0].headline, {k: [own[k] for own in seeds] for k in shared}))
            cosine = [file.scores["cosine"] for file in variant.files]
            cosines.append(ScoreCurve("k", variant.name, "cosine", dict.fromkeys(shared, cosine)))
    return [*headlines, *cosines]


def _over_axis(variants: Sequence[MeasuredVariant], key: str) -> Iterator[ScoreCurve]:
    """Over the values of `key` a curve for the rows that differ in nothing else; none where it does not have several numbers."""
    lines: dict[str, dict[float, MeasuredVariant]] = {}
    for variant in variants:
        values = values_of(variant.name)
        try:
            value = float(values.pop(key))
        except (KeyError, ValueError):
            return
        rest = ",".join([base_of(variant.name), *(f"{other}={text}" for other, text in values.items())])
        lines.setdefault(rest, {})[value] = variant
    if len(next(iter(lines.values()))) < 2:
        return
    cosines = []
    for rest, line in lines.items():
        names = {variant.files[0].headline for variant in line.values()}
        points = {value: [file.scores[file.headline] for file in variant.files] for value, variant in sorted(line.items())}
        yield ScoreCurve(key, rest, names.pop() if len(names) == 1 else "headline", points)
        cosine = {value: [file.scores["cosine"] for file in variant.files] for value, variant in sorted(line.items())}
        cosines += [ScoreCurve(key, rest, "cosine", cosine)] if cosine != points else []
    yield from cosines


def sensitivity_table(dataset: str, values: pd.DataFrame, variants: Sequence[MeasuredVariant]) -> Table:
    """A section for each quantity, a row for each variant, score and value."""
    shown = values[(values["quantity"] != "k") | (values["score"] != "cosine")]  # the cosine is the row of k = 1
    sections = []
    for quantity, records in records_by(shown, "quantity").items():
        rows = [(one["variant"], one["score"], one["value"], *(spread(one, metric) for metric in METRICS)) for one in records]
        sections.append(Section(title(quantity), tuple(rows)))
    notes = [NOTHING_VARIED]
    if sections:
        notes = [seeds_note(variants), "Full test gallery. The quantities were chosen before; this table chooses nothing."]
    if "k" in set(values["quantity"]):
        notes.append(
            "k: the first k match logits of each query are used; w, the weight of the cosine, is the one that val chose at the largest k. "
            "k = 1 changes no order: it is the cosine alone."
        )
    columns = ("variant", "score", "value", *(LABEL[metric] for metric in METRICS))
    return Table(f"Sensitivity on {dataset}", columns, 3, tuple(sections), tuple(notes))
