"""Variants compared in pairs, query by query and seed by seed: a table, and a finding for each pair.

Legend: Q queries, S seeds, M metrics.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cada.errors import CadaError
from cada.reporting.results.metrics import LABEL, MAIN_METRICS, MeasuredVariant
from cada.reporting.results.rankings import JudgedBy, Rankings, on_common_queries, query_values
from cada.reporting.statistics import paired_bootstrap
from cada.reporting.tables.cells import Record, counted, frame, parts_of, points, records_by, signed
from cada.reporting.tables.notes import NOT_CORRECTED, interval_note
from cada.reporting.tables.table import Finding, Section, Table
from cada.retrieval.metrics import METRICS
from cada.storage.tables import read_csv

HEADINGS: dict[JudgedBy, str] = {
    "headline": "The scores that the variants are judged by",
    "cosine": "The cosine alone, without re-ranking",
}
NUMBERS = ("difference", "low", "high", "percentile_low", "percentile_high", "established")
PAIR_LABELS = ("dataset", "score", "variant", "reference", "variant_score", "reference_score", "queries", "persons", "seeds")


def ablation_pairs(objectives: Mapping[str, Collection[str]]) -> list[tuple[str, str]]:
    """Which variants are compared with which (variant, reference), from the objectives that each is trained with.

    The first variant with a set of objectives stands for it, and is compared with those that stand for a part of this
    set: dual with global, atp and ara. A later one with the same objectives differs in something else, and is compared with
    the first alone.
    """
    first: dict[frozenset[str], str] = {}
    pairs = []
    for variant, trained in objectives.items():
        mine = frozenset(trained)
        if mine in first:
            pairs.append((variant, first[mine]))
        first.setdefault(mine, variant)
    smaller = [(one, other) for mine, one in first.items() for others, other in first.items() if others < mine]
    order = list(objectives)
    return sorted([*pairs, *smaller], key=lambda pair: (order.index(pair[0]), order.index(pair[1])))


def compare(dataset: str, variants: Sequence[MeasuredVariant], rankings: Rankings, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """How much more each variant has than its reference, in points, by the headline scores and, where these are not the cosine already, by
    the cosine: a row for each pair (variant, reference) and score.

    All metrics have the difference, the ends of its interval, the bootstrap's plain percentiles, and whether it is established.
    Errors: `CadaError` where the two have no query in common.
    """
    headlines = {variant.name: variant.files[0].headline for variant in variants}
    seeds = _listed([file.seed for file in variants[0].files])
    records = []
    for score in HEADINGS:
        for names in pairs:
            fusions = [headlines[name] if score == "headline" else "cosine" for name in names]
            if score == "cosine" and all(headlines[name] == "cosine" for name in names):
                continue
            tables = on_common_queries(*(rankings[name] for name in names))
            persons = tables[0][0]["person"].to_numpy()
            if not len(persons):
                raise CadaError(f"{names[0]} and {names[1]}: their rankings have no query in common. Evaluate them again.")
            ours, theirs = (np.stack([query_values(table, score) for table in mine], axis=1) for mine in tables)  # (Q, S, M)
            labels = (dataset, score, *names, *fusions, len(persons), len(np.unique(persons)), seeds)
            record: dict[str, Any] = dict(zip(PAIR_LABELS, labels, strict=True))
            for metric, found in zip(METRICS, paired_bootstrap(ours - theirs, persons), strict=True):
                numbers = (found.mean, *found.interval, *found.percentiles, found.established)
                record |= dict(zip(parts_of([metric], NUMBERS), numbers, strict=True))
            records.append(record)
    return frame(records, [*PAIR_LABELS, *parts_of(METRICS, NUMBERS)])


def read_pairs(path: Path, variants: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """The CSV file of what `compare` gives. Errors: `CadaError` for a file that is missing or of other variants or seeds."""
    again = "Make the tables of the same workflow file, with `cada tables`."
    values = read_csv(path, ("variant", "reference", "seeds"), again=again, least=0, dtype={"seeds": str})
    for one in values.to_dict("records"):
        if one["seeds"] != _listed(seeds) or not {one["variant"], one["reference"]} <= set(variants):
            compared = f"{one['variant']} with {one['reference']}, seeds {one['seeds']}"
            raise CadaError(f"{path}: compares {compared}, not {', '.join(variants)}, seeds {_listed(seeds)}. {again}")
    return values


def _listed(seeds: Sequence[int]) -> str:
    return " ".join(map(str, seeds))


def pair_labels(record: Record) -> tuple[str, str]:
    """What is compared, for example "dual, calibrated" and "global, cosine"."""
    return f"{record['variant']}, {record['variant_score']}", f"{record['reference']}, {record['reference_score']}"


def findings(values: pd.DataFrame, metrics: Sequence[str] = MAIN_METRICS) -> list[Finding]:
    """For each metric a finding for each pair of headline scores, and one for all pairs by the cosine."""
    by_score = records_by(values, "score")
    found = []
    for metric in metrics:
        found += [_headline_finding(record, metric) for record in by_score.get("headline", [])]
        if cosine := by_score.get("cosine"):
            found.append(_cosine_finding(cosine, metric))
    return found


def _headline_finding(record: Record, metric: str) -> Finding:
    mean, low, high, *_, established = (record[name] for name in parts_of([metric], NUMBERS))
    first, second = record["variant"], record["reference"]
    if established and high < 0:
        first, second, mean, low, high = second, first, -mean, -high, -low
    verdict = f"{first} beats {second} by" if established else f"no difference between {first} and {second} is established:"
    numbers = f"{signed(mean)} points {LABEL[metric]}, 95 % interval {signed(low)} to {signed(high)}"
    return Finding(f"{verdict} {numbers}, {counted(len(record['seeds'].split()), 'seed')}.", bool(established))


def _cosine_finding(records: Sequence[Record], metric: str) -> Finding:
    names = {f"{one['variant']} against {one['reference']}": one for one in records}
    differences = []
    for name, one in names.items():
        mean, ends = points(one, f"{metric}_difference", metric)
        differences.append(f"{name} {mean} ({ends})")
    established = [name for name, one in names.items() if one[f"{metric}_established"]]
    verdict = f"a difference is established for {', '.join(established)}" if established else "no difference is established"
    text = f"by the cosine alone, without re-ranking, {verdict}; points {LABEL[metric]}, with 95 % intervals: {', '.join(differences)}."
    return Finding(text, bool(established))


def pairs_table(dataset: str, values: pd.DataFrame) -> Table:
    """The values as a reader sees them, with a finding for each pair."""
    sections = []
    for score, records in records_by(values, "score").items():
        cells = ([cell for metric in MAIN_METRICS for cell in points(one, f"{metric}_difference", metric)] for one in records)
        sections.append(Section(HEADINGS[score], tuple((*pair_labels(one), *own) for one, own in zip(records, cells, strict=True))))
    notes = ["There is nothing to compare: no listed variant adds an objective to another one, or changes another one."]
    if sections:
        sizes = records_by(values, "queries", "persons")
        counts = ", ".join(f"{queries} queries of {persons} persons" for queries, persons in sizes)
        notes = [
            f"Points of the first less those of the second, mean over seeds, on the queries of both ({counts}).",
            "If the interval holds zero, no difference is established; this does not establish that there is none. What counts are its "
            "ends to four decimals, as in the CSV file. A number that one decimal would show as 0.0 has more.",
            NOT_CORRECTED,
        ]
    columns = ("variant", "against", *(name for metric in MAIN_METRICS for name in (LABEL[metric], "95 %")))
    repeated = pair_interval_notes(values)
    return Table(f"Paired differences on {dataset}", columns, 2, tuple(sections), tuple(notes), tuple(findings(values)), repeated)


def pair_interval_notes(values: pd.DataFrame) -> tuple[str, ...]:
    """What the intervals cover; nothing where nothing is compared."""
    return tuple(interval_note(seeds.split()) for seeds in values["seeds"].unique())
