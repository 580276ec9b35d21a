"""Whether one variant makes more right choices than another, choice by choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from cada.analysis.probes.names import GROUP
from cada.reporting.probe_differences import differences
from cada.reporting.results.choices import Choices, groups, own_score
from cada.reporting.results.rankings import on_common_queries
from cada.reporting.statistics import established
from cada.reporting.tables.cells import counted, difference_values, frame, points, records_by
from cada.reporting.tables.choice_words import choice_title
from cada.reporting.tables.notes import NOT_CORRECTED, interval_note
from cada.reporting.tables.pairs import pair_labels
from cada.reporting.tables.table import Finding, Section, Table, Tabulated

BY = ("own", "cosine")
LABELS = ("dataset", *GROUP[:2], "variant", "reference", "variant_score", "reference_score", "seeds", "choices")


def composition_pairs_table(dataset: str, choices: Choices, pairs: Sequence[tuple[str, str]], seeds: Sequence[int]) -> Tabulated:
    """How many more of 100 choices a variant of a pair has right than its reference: by the match score of each that has one, and by the
    cosine of both.
    """
    scores = {variant: own_score(choices, variant) for variant in choices}
    grouped = {pair: [*map(groups, _less(choices, scores, *pair))] for pair in pairs}
    records = []
    for (chosen, kind), pair in product(dict.fromkeys(name[:2] for own in grouped.values() for name in own[0]), pairs):
        tables = [own[chosen, kind, ""] for own in grouped[pair] if (chosen, kind, "") in own]
        if not tables:
            continue
        found = differences(tables, BY) or {}
        labels = (dataset, chosen, kind, *pair, *(scores[name] for name in pair), len(tables), len(tables[0]))
        record: dict[str, Any] = dict(zip(LABELS, labels, strict=True))
        for score in BY:
            record |= difference_values(score, found.get(score))
        records.append(record)
    values = frame(records, [*LABELS, *(name for score in BY for name in (score, f"{score}_low", f"{score}_high"))])
    sections = []
    for (chosen, kind), own in records_by(values, "chosen", "kind").items():
        rows = ((*pair_labels(one), *(cell for score in BY for cell in points(one, score))) for one in own)
        sections.append(Section(choice_title(chosen, kind), tuple(rows)))
    notes = (
        "In points: of 100 choices, how many more the first has right. Own score: the match score, else the cosine.",
        NOT_CORRECTED,
    )
    table = Table(
        f"Differences in right choices on {dataset}",
        ("variant", "against", "by the own score", "95 %", "by the cosine", "95 %"),
        2,
        tuple(sections),
        notes,
        tuple(_findings(values)),
        (interval_note(seeds),),
    )
    return values, table


def _less(choices: Choices, scores: Mapping[str, str], variant: str, reference: str) -> list[pd.DataFrame]:
    """How much more a variant has right of the choices of both, for each seed."""
    ours, theirs = on_common_queries(choices[variant], choices[reference])
    return [
        one.assign(own=one[scores[variant]] - other[scores[reference]], cosine=one["cosine"] - other["cosine"])
        for one, other in zip(ours, theirs, strict=True)
    ]


def _findings(values: pd.DataFrame) -> Iterator[Finding]:
    """A finding for each kind with differences that are established by the own scores, and one for all others together."""
    compared = values[values["own_low"].notna()]
    count = 0
    for (chosen, kind), records in records_by(compared, "chosen", "kind").items():
        sure = [one for one in records if established(one["own_low"], one["own_high"])]
        count += len(sure)
        if sure:
            told = (f"{one['variant']} against {one['reference']} {' ('.join(points(one, 'own'))})" for one in sure)
            text = f"{choice_title(chosen, kind)}, points with 95 % intervals, {counted(sure[0]['seeds'], 'seed')}: {', '.join(told)}."
            yield Finding(text, established=True)
    if len(compared):
        text = f"For all{' others' if count else ''} no difference is established; {len(compared)} were tested."
        yield Finding(text, established=False)
