"""What changed captions and images cost each variant."""

from __future__ import annotations

import statistics
from typing import Any

import pandas as pd

from cada.reporting.probe_differences import changes
from cada.reporting.results.metrics import LABEL
from cada.reporting.results.probes import Outcomes, ProbedVariants, ProbesFile, Scores, first_file
from cada.reporting.statistics import mean_and_deviation
from cada.reporting.tables.cells import difference_values, frame, parts_of, points, records_by, spread
from cada.reporting.tables.notes import interval_note
from cada.reporting.tables.probe_notes import OWN_WEIGHT, change_title, changed_range, changed_share, query_notes, seeds_of
from cada.reporting.tables.table import Section, Table, Tabulated
from cada.retrieval.metrics import METRICS

MOST = 95  # per cent of the captions; where more are changed, the changed ones alone say the same as all


def robustness_table(dataset: str, probed: ProbedVariants, outcomes: Outcomes) -> Tabulated:
    """All metrics of each kind over all queries, and of changed captions also over these alone: after the change, and the change."""
    first, records = first_file(probed), []
    for kind, alone in [*((kind, False) for kind in first.changes), *((kind, True) for kind in first.captions)]:
        strength = first.changes[kind].strength
        for variant, files in probed.items():
            found = changes(outcomes[variant], kind, changed_alone=alone) or {}
            count = statistics.fmean((file.changes[kind].changed or 0) if alone else file.queries for file in files)
            record: dict[str, Any] = {
                "dataset": dataset, "input": "images" if kind in first.images else "captions", "kind": kind,
                "strength": None if strength is None else f"{strength:g}", "queries": "changed" if alone else "all",
                "variant": variant, "seeds": len(files), "count": f"{count:g}",
            }  # fmt: skip
            for metric in METRICS:
                pairs = [tuple(getattr(scores, metric) for scores in _before_and_after(file, kind, alone=alone)) for file in files]
                change, deviation = mean_and_deviation([after - before for before, after in pairs])
                record[f"{metric}_mean"] = statistics.fmean(after for _, after in pairs)
                record |= difference_values(f"{metric}_change", found.get(metric))
                record |= {f"{metric}_change": change, f"{metric}_change_std": deviation}
            records.append(record)
    columns = ("dataset", "input", "kind", "strength", "queries", "variant", "seeds", "count")
    parts = ("mean", "change", "change_std", "change_low", "change_high")
    values = frame(records, [*columns, *parts_of(METRICS, parts)])
    return values, _table(dataset, values, probed)


def _before_and_after(file: ProbesFile, kind: str, *, alone: bool) -> tuple[Scores, Scores]:
    """The scores without and with the change; over no changed queries at all they are the same."""
    found = file.changes[kind]
    return (found.before or file.unchanged, found.after or file.unchanged) if alone else (file.unchanged, found.scores)


def _table(dataset: str, values: pd.DataFrame, probed: ProbedVariants) -> Table:
    """A row for each kind, two columns for each variant: the change of R@1 with its interval.

    It is over all queries, and where fewer than MOST per cent of the captions are changed also over these alone.
    """
    plain: list[str] = []
    for files in probed.values():
        mean, deviation = mean_and_deviation([file.unchanged.R1 for file in files])
        plain += [spread({"R1_mean": mean, "R1_std": deviation}, "R1"), ""]
    rows: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for (place, queries, kind), records in records_by(values, "input", "queries", "kind").items():
        share = "all" if place == "images" else changed_share(probed, kind)
        if queries == "all" or changed_range(probed, kind)[0] < MOST:
            cells = [cell for record in records for cell in points(record, "R1_change")]
            title = change_title(kind, first_file(probed).changes[kind].strength)
            rows.setdefault((place, queries), []).append((title, share, *cells))
    headings = {
        ("captions", "all"): "Captions changed: change in points over all queries",
        ("captions", "changed"): f"The same over the changed captions alone, where these are under {MOST} %",
        ("images", "all"): "Images of the gallery changed: change in points over all queries",
    }
    sections = [Section(heading, tuple(rows[key])) for key, heading in headings.items() if key in rows]
    return Table(
        f"Robustness on {dataset}",
        ("change", "changed", *(name for variant in probed for name in (f"{variant} {LABEL['R1']}", "95 %"))),
        2,
        (Section("Nothing changed", (("none", "", *plain),)), *sections),
        tuple(_notes(probed)),
    )


def _notes(probed: ProbedVariants) -> list[str]:
    synonyms = "Synonyms come from a list of common words."
    if first_file(probed).synonyms == "grammar":
        synonyms = 'Synonyms come from the grammar: training has seen them. Misspelt words, "no" and "without" are not in the vocabulary.'
    return [
        *query_notes(probed),
        OWN_WEIGHT,
        "Swapped colours and a negation make a caption false. There a loss is no fault: it shows that the model reads them closely.",
        "Dropped phrases take information away: some loss must be expected.",
        synonyms,
        interval_note(seeds_of(probed), of="the change of one variant, query by query", paired=False),
        "The CSV file has every metric, over all queries and over the changed ones.",
        "At least one word or phrase of a caption is changed if there is one; the rest stays as it is.",
    ]
