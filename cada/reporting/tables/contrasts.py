"""Whether one variant loses more than another when captions and images are changed, and which finds more then."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cada.reporting.probe_differences import changes_between, scores_between
from cada.reporting.results.probes import UNCHANGED, Outcomes, ProbedVariants, first_file
from cada.reporting.statistics import established
from cada.reporting.tables.cells import counted, difference_values, frame, parts_of, points, records_by, signed
from cada.reporting.tables.notes import NOT_CORRECTED, interval_note
from cada.reporting.tables.probe_notes import OWN_WEIGHT, change_title, query_notes, seeds_of
from cada.reporting.tables.table import Finding, Section, Table, Tabulated
from cada.retrieval.metrics import METRICS

CHANCE = 20  # about one interval of so many does not hold a zero that is true


def contrasts_table(dataset: str, probed: ProbedVariants, outcomes: Outcomes, pairs: Sequence[tuple[str, str]]) -> Tabulated:
    """How much more each metric of a variant changes than that of its reference, and how much more it is, in points, for each kind of
    change and UNCHANGED, where there is no change.

    A change below 0: the variant loses more. Nothing is known where the two have queries of fewer than two persons in common.
    """
    changed = {kind: change_title(kind, found.strength) for kind, found in first_file(probed).changes.items()}
    titles = {UNCHANGED: change_title(UNCHANGED, None)} | changed
    seeds = seeds_of(probed)
    records = []
    for kind, (variant, reference) in itertools.product(titles, pairs):
        models = outcomes[variant], outcomes[reference]
        record: dict[str, Any] = {"dataset": dataset, "kind": kind, "variant": variant, "reference": reference, "seeds": len(seeds)}
        found = {"change": None if kind == UNCHANGED else changes_between(*models, kind), "score": scores_between(*models, kind)}
        for part, metric in itertools.product(found, METRICS):
            record |= difference_values(f"{metric}_{part}", (found[part] or {}).get(metric))
        records.append(record)
    columns = [name for part in ("change", "score") for name in parts_of(METRICS, (part, f"{part}_low", f"{part}_high"))]
    values = frame(records, ["dataset", "kind", "variant", "reference", "seeds", *columns])
    sections = []
    for kind, own in records_by(values, "kind").items():
        shown = ("R1_change", "mAP_change", "R1_score")
        rows = ((one["variant"], one["reference"], *(cell for name in shown for cell in points(one, name))) for one in own)
        sections.append(Section(titles[kind], tuple(rows)))
    table = Table(
        f"Differences in robustness on {dataset}",
        ("variant", "against", "change of R@1", "95 %", "change of mAP", "95 %", "R@1 itself", "95 %"),
        2,
        tuple(sections),
        (
            *query_notes(probed),
            OWN_WEIGHT,
            "All numbers are differences between the first and the second, in points. Change: below zero the first loses more. "
            "A variant that finds more has more to lose.",
            "R@1 itself: above zero the first finds more with the change. Where the change makes a caption false, finding less is right.",
            NOT_CORRECTED,
        ),
        tuple(contrast_findings(values, titles)),
        (interval_note(seeds),),
    )
    return values, table


def contrast_findings(values: pd.DataFrame, titles: Mapping[str, str]) -> list[Finding]:
    """A finding for each difference in the loss of R@1 that is established, and one for all others together."""
    compared = values[values["R1_change"].notna()].to_dict("records")
    found = []
    for one in compared:
        mean, low, high = one["R1_change"], one["R1_change_low"], one["R1_change_high"]
        if established(low, high):
            ends = " to ".join(signed(end) for end in sorted((abs(low), abs(high))))
            text = (
                f"{titles[one['kind']]}: {one['variant']} loses {signed(abs(mean))} points R@1 {'less' if mean > 0 else 'more'} than "
                f"{one['reference']}, 95 % interval {ends}, {counted(one['seeds'], 'seed')}."
            )
            found.append(Finding(text, established=True))
    if compared:
        text = (
            f"For all{' others' if found else ''} no difference in the loss of R@1 is established. {len(compared)} were tested; "
            f"where there is none, about one interval in {CHANCE} does not hold zero, by chance."
        )
        found.append(Finding(text, established=False))
    return found
