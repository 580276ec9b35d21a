"""The two directions beside each other: how far they agree, and which is right where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cada.analysis.association.names import MEASURES, RIGHT
from cada.reporting.association_measures import Tables, estimates, ratio
from cada.reporting.results.associations import Associated, first_of
from cada.reporting.statistics import Difference
from cada.reporting.tables.association_notes import decoder_notes, match_notes, mean_note, pairs_note
from cada.reporting.tables.cells import Record, difference_values, frame, parts_of
from cada.reporting.tables.table import Finding, Section, Table, Tabulated

COMPARED = (*MEASURES, *RIGHT)
SHOWN = {
    "rank agreement": "agreement",
    "same region, %": "same",
    "choose each other, %": "mutual",
    "text right, %": "text_right",
    "image right, %": "image_right",
    "where they differ: text right, %": "text_where",
    "image right there, %": "image_where",
}


def discrepancy_table(dataset: str, files: Associated, phrases: Mapping[str, Tables]) -> Tabulated:
    """Agreement of each variant's two matrices, and how often each direction chooses the right region, also where they differ."""
    records, findings = [], []
    for variant, tables in phrases.items():
        found: dict[str, Difference | None] = {name: estimates(tables, COMPARED).get(name) for name in COMPARED}
        judged = [table.dropna(subset=["text_right"]) for table in tables]
        found |= {f"{side}_where": ratio(judged, f"{side}_alone", "differ") for side in ("text", "image")}
        record: dict[str, Any] = {"dataset": dataset, "variant": variant, "count": len(tables[0])}
        for name, difference in found.items():
            record |= difference_values(name, difference)
        records.append(record)
        findings += _finding(variant, judged)
    measures = SHOWN.values()
    values = frame(records, ["dataset", "variant", "count", *measures, *parts_of(measures, ("low", "high"))])
    known = [title for title, name in SHOWN.items() if not values[name].isna().all()]
    rows = tuple(_row(one, known) for one in values.to_dict("records"))
    columns = ("variant", *(cell for title in known for cell in (title, "95 %")))
    regions = "the things that are seen" if first_of(files).slots else "horizontal bands, for nothing is known of what is where"
    notes = (
        pairs_note(files),
        f"Two matrices of phrases by regions; the regions are {regions}. Text looks at image: the mean weight of the phrase's map "
        f"({first_of(files).attribution}) on a region. Image predicts text: the nats that the masked phrase loses without the region.",
        "rank agreement: Spearman's correlation of a phrase's two rows, mean. same region: both directions have their highest value in the "
        "same region. choose each other: of all phrases, the region that a phrase looks at most predicts this one best.",
        *match_notes(files),
        *decoder_notes(files),
        mean_note(files),
    )
    return values, Table(f"The two directions on {dataset}", columns, 1, (Section("Of each phrase", rows),), notes, tuple(findings))


def _row(one: Record, known: list[str]) -> tuple[str, ...]:
    cells = [one["variant"]]
    for name in (SHOWN[title] for title in known):
        places = 2 if name == "agreement" else 1
        if pd.isna(one[name]):
            cells += ["", ""]
        else:
            cells += [f"{one[name]:.{places}f}", f"{one[f'{name}_low']:.{places}f} to {one[f'{name}_high']:.{places}f}"]
    return tuple(cells)


def _finding(variant: str, judged: Tables) -> list[Finding]:
    """Which direction is right more often."""
    tables = [table.assign(more=table["text_right"] - table["image_right"]) for table in judged]
    if (more := estimates(tables, ["more"]).get("more")) is None:
        return []
    low, high = more.interval
    if not more.established:
        text = f"no difference is established in how often the two directions choose the right region: {more.mean:+.1f} points"
    else:
        first, second = ("the region that a phrase looks at", "the region that predicts it")[:: 1 if more.mean > 0 else -1]
        text = f"{first} is right more often than {second}, by {abs(more.mean):.1f} points"
        low, high = sorted((abs(low), abs(high)))
    return [Finding(f"{variant}: {text}, 95 % interval {low:.1f} to {high:.1f}.", more.established)]
