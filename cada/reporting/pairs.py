"""Variants compared in pairs, query by query and seed by seed: a table, and a plain sentence for each pair.

Legend: Q queries, S seeds, M metrics.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cada.errors import CadaError
from cada.reporting.bootstrap import Difference, paired_bootstrap
from cada.reporting.formats import Section, Table, csv_text, points, signed
from cada.reporting.measured import LABEL, METRICS, Variant
from cada.reporting.rankings import Rankings, Score, on_common_queries, query_values

SHOWN = ("R1", "mAP")  # the CSV file has all metrics
SCORES: tuple[Score, ...] = ("headline", "cosine")
NUMBERS = ("difference", "low", "high", "percentile_low", "percentile_high")  # of a difference, in the CSV file


@dataclass(frozen=True)
class Pair:
    """How much more `variant` has than `reference`, in points, by one score: `fusions` says which it is of each."""

    variant: str
    reference: str
    score: Score
    fusions: tuple[str, str]
    queries: int
    persons: int
    seeds: tuple[int, ...]
    differences: Mapping[str, Difference]

    @property
    def labels(self) -> tuple[str, str]:
        """What is compared, for example "dual, calibrated" and "global, cosine"."""
        return f"{self.variant}, {self.fusions[0]}", f"{self.reference}, {self.fusions[1]}"

    def sentence(self, metric: str) -> str:
        """What the interval of a metric says, in words."""
        mean, low, high = self.differences[metric].shown()
        first, second = self.variant, self.reference
        if high < 0:
            first, second, mean, low, high = second, first, -mean, -high, -low
        numbers = f"{signed(mean)} points {LABEL[metric]}, 95 % interval {signed(low)} to {signed(high)}"
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        if self.differences[metric].established:
            return f"{first} beats {second} by {numbers}, {seeds}"
        return f"no difference between {first} and {second} is established: {numbers}, {seeds}"


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


def compare(variants: Sequence[Variant], rankings: Rankings, pairs: Sequence[tuple[str, str]]) -> list[Pair]:
    """Each pair (variant, reference) by the headline scores and, where these are not the cosine already, by the cosine.

    Errors: `CadaError` where the two have no query in common.
    """
    headlines = {variant.name: variant.files[0].headline for variant in variants}
    seeds = tuple(file.seed for file in variants[0].files)
    found = []
    for score in SCORES:
        for names in pairs:
            ours, theirs = (headlines[name] if score == "headline" else "cosine" for name in names)
            if score == "cosine" and all(headlines[name] == "cosine" for name in names):
                continue
            tables = on_common_queries(*(rankings[name] for name in names))
            persons = tables[0][0]["person"].to_numpy()
            if not len(persons):
                raise CadaError(f"{names[0]} and {names[1]}: their rankings have no query in common. Evaluate them again.")
            values, others = (np.stack([query_values(table, score) for table in mine], axis=1) for mine in tables)  # (Q, S, M)
            differences = dict(zip(METRICS, paired_bootstrap(values - others, persons), strict=True))
            found.append(Pair(*names, score, (ours, theirs), len(persons), len(np.unique(persons)), seeds, differences))
    return found


def pairs_table(dataset: str, pairs: Sequence[Pair]) -> Table:
    """The table as a reader sees it, with sentences for the headline scores."""
    columns = ("variant", "against", *(name for metric in SHOWN for name in (LABEL[metric], "95 %")))
    headings = {"headline": "The scores that the variants are judged by", "cosine": "The cosine alone, without re-ranking"}
    sections = [
        Section(headings[score], tuple((*pair.labels, *_cells(pair)) for pair in pairs if pair.score == score))
        for score in SCORES
        if any(pair.score == score for pair in pairs)
    ]
    return Table(f"Paired differences on {dataset}", columns, 2, tuple(sections), tuple(_notes(pairs)), tuple(sentences(pairs)))


def pairs_csv(dataset: str, pairs: Sequence[Pair]) -> str:
    """All metrics to four decimals: differences, the ends of the intervals, and the bootstrap's plain percentiles."""
    parts = (*NUMBERS, "established")
    columns = ["dataset", "score", "variant", "reference", "variant_score", "reference_score", "queries", "persons", "seeds"]
    columns += [f"{metric}_{part}" for metric in METRICS for part in parts]
    lines = []
    for pair in pairs:
        counts = (str(pair.queries), str(pair.persons), _listed(pair.seeds))
        line = [dataset, pair.score, pair.variant, pair.reference, *pair.fusions, *counts]
        for metric in METRICS:
            difference = pair.differences[metric]
            numbers = (difference.mean, *difference.interval, *difference.percentiles)
            line += [*(f"{number:.4f}" for number in numbers), str(int(difference.established))]
        lines.append(line)
    return csv_text(columns, lines)


def read_pairs(path: Path, variants: Sequence[str], seeds: Sequence[int]) -> list[Pair]:
    """What `pairs_csv` has written of these models. Errors: `CadaError` for a file that is missing or of other variants or seeds."""
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file. Make the tables of the same workflow file, with `cada tables`.")
    with path.open(newline="", encoding="utf-8") as file:
        pairs = [_read_pair(line) for line in csv.DictReader(file)]
    for pair in pairs:
        if pair.seeds != tuple(seeds) or not {pair.variant, pair.reference} <= set(variants):
            compared = f"{pair.variant} with {pair.reference}, seeds {_listed(pair.seeds)}"
            raise CadaError(
                f"{path}: compares {compared}; asked for are {', '.join(variants)}, seeds {_listed(seeds)}. "
                "Make the tables of the same workflow file, with `cada tables`."
            )
    return pairs


def _listed(seeds: Sequence[int]) -> str:
    return " ".join(map(str, seeds))


def _read_pair(line: Mapping[str, str]) -> Pair:
    differences = {}
    for metric in METRICS:
        mean, low, high, first, last = (float(line[f"{metric}_{part}"]) for part in NUMBERS)
        differences[metric] = Difference(mean, (low, high), (first, last))
    score: Score = "headline" if line["score"] == "headline" else "cosine"
    fusions = line["variant_score"], line["reference_score"]
    counts, seeds = (int(line["queries"]), int(line["persons"])), tuple(map(int, line["seeds"].split()))
    return Pair(line["variant"], line["reference"], score, fusions, *counts, seeds, differences)


def sentences(pairs: Sequence[Pair], metrics: Sequence[str] = SHOWN) -> list[str]:
    """For each metric a sentence for each pair of headline scores, and one for all pairs by the cosine."""
    found = []
    for metric in metrics:
        found += [f"{pair.sentence(metric)}." for pair in pairs if pair.score == "headline"]
        if cosine := [pair for pair in pairs if pair.score == "cosine"]:
            found.append(_cosine_sentence(cosine, metric))
    return found


def _cosine_sentence(pairs: Sequence[Pair], metric: str) -> str:
    said, established = [], []
    for pair in pairs:
        names, (mean, low, high) = f"{pair.variant} against {pair.reference}", pair.differences[metric].shown()
        said.append(f"{names} {signed(mean, plus=True)} ({signed(low, plus=True)} to {signed(high, plus=True)})")
        if pair.differences[metric].established:
            established.append(names)
    verdict = f"a difference is established of {', '.join(established)}" if established else "no difference is established"
    return f"by the cosine alone, without re-ranking, {verdict}; points {LABEL[metric]}, with 95 % intervals: {', '.join(said)}."


def interval_note(seeds: Sequence[int]) -> str:
    """What the interval of a paired difference covers."""
    if len(seeds) == 1:
        return "Intervals of differences: bootstrap over persons, each with all queries. One seed: they say nothing of another training."
    listed = ", ".join(map(str, seeds))
    return (
        f"Intervals of differences: bootstrap over persons, each with all queries, and over the seeds ({listed}), each with both models, "
        "widened by Student's t for their small number. They cover other test persons and other seeds, "
        "not another pre-training, training set or gallery."
    )


def _cells(pair: Pair) -> list[str]:
    return [cell for metric in SHOWN for cell in points(pair.differences[metric])]


def _notes(pairs: Sequence[Pair]) -> list[str]:
    if not pairs:
        return ["There is nothing to compare: no listed variant adds an objective to another one, or changes another one."]
    asked = dict.fromkeys((pair.queries, pair.persons) for pair in pairs)
    counts = ", ".join(f"{queries} queries of {persons} persons" for queries, persons in asked)
    return [
        interval_note(pairs[0].seeds),
        f"Points of the first less those of the second, the mean over seeds, on the queries that both were asked ({counts}).",
        "An interval that holds zero establishes no difference, and does not establish that there is none. Its ends decide, to the four "
        "decimals of the CSV file; a number that one decimal would show as 0.0 is shown with more.",
        "The intervals are not corrected for the number of pairs and metrics.",
    ]
