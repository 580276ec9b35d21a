"""The comparison: numbers from the literature by protocol, with their sources, and apart from them what this run measured."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cada.errors import CadaError
from cada.reporting.results.metrics import LABEL, MeasuredVariant
from cada.reporting.tables.ablation import Oracles, oracle_scores
from cada.reporting.tables.cells import Record, frame, spread
from cada.reporting.tables.notes import choice_notes, seeds_note
from cada.reporting.tables.table import Section, Table, Tabulated
from cada.retrieval.metrics import METRICS
from cada.storage.files import reading

PUBLISHED_NAME = {"cuhk_pedes": "CUHK-PEDES", "icfg_pedes": "ICFG-PEDES", "rstpreid": "RSTPReid"}
UNKNOWN = "not known"
# What else was used to get a published number, and the words that each column may have.
PROTOCOL = {
    "person_pretraining": ("no", "yes", UNKNOWN),
    "interaction": ("no", "yes", UNKNOWN),
    "selection": ("val", "test", UNKNOWN),
    "queries": ("all", "first two", UNKNOWN),
}
LIKE = ("person_pretraining", "interaction")  # what numbers have in common that are listed together
LITERATURE_COLUMNS = ("method", "venue", "dataset", *METRICS, *PROTOCOL, "source", "confirmed")
LABELS = ("kind", "method", "venue", "selection", "queries", "confirmed", "source")  # of the rows that a reader sees


def read_literature(path: Path, dataset: str) -> pd.DataFrame:
    """The published numbers on one data set, as text, in the file's order; none for a set nobody published on.

    Errors: `CadaError` for a missing file, other columns, a number that is none, or a protocol in other words than those of PROTOCOL.
    """
    with reading(path, missing=f"Take it from the repository: `git checkout {path}`."), path.open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file)) or [[]]
    if tuple(head) != LITERATURE_COLUMNS:
        raise CadaError(f"{path}: has the columns {head}, not {list(LITERATURE_COLUMNS)}.")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(head):
            raise CadaError(
                f"{path}: row {number}: has {len(row)} cells, not {len(head)}. Give every column one, empty where nothing is known."
            )
    found = pd.DataFrame(rows, columns=head)
    for metric in METRICS:
        numbers = pd.to_numeric(found[metric].replace("", "0"), errors="coerce")  # empty: nothing was published
        for line, text in found[metric][~numbers.between(0, 100)].items():
            raise CadaError(f"{path}: line {int(str(line)) + 2}: {metric}: {text!r} is no percentage. Correct it, or leave the cell empty.")
    for column, words in PROTOCOL.items():
        for line, text in found[column][~found[column].isin(words)].items():
            raise CadaError(f"{path}: line {int(str(line)) + 2}: {column}: {text!r}. Write one of these: {', '.join(words)}.")
    return found[found["dataset"] == PUBLISHED_NAME.get(dataset)]


def comparison_table(dataset: str, variants: Sequence[MeasuredVariant], oracles: Oracles, literature: pd.DataFrame) -> Tabulated:
    """A section for the published numbers of each protocol and one for the measured ones. Sources are numbered notes.

    `kind` is published, measured or oracle; only measured rows have deviations and seeds.
    """
    records: list[Record] = [
        {**record, "kind": "published"} for record in literature.sort_values(list(LIKE), key=_order).to_dict("records")
    ]
    for variant in variants:
        summary = variant.headline_summary()
        means = {metric: summary[f"{metric}_mean"] for metric in METRICS}
        method = {"kind": "measured", "method": f"{variant.name}, {summary['score']}", "selection": variant.files[0].selection}
        records.append({**method, **summary, **means})
    records += [{"kind": "oracle", "method": name, "R1": score} for name, score in oracle_scores(oracles, "all").items()]
    names = ["dataset", *LABELS[:3], *PROTOCOL, "confirmed", "source", "seeds", *METRICS, *(f"{metric}_std" for metric in METRICS)]
    values = frame([{**record, "dataset": dataset} for record in records], names)
    sources = list(values["source"].dropna().unique())
    published: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    measured = []
    for record in values.to_dict("records"):
        labels = ["" if pd.isna(record[name]) else record[name] for name in LABELS]
        if record["kind"] == "published":
            labels[-1] = f"({sources.index(record['source']) + 1})"
            row = (*labels, *(record[metric] for metric in METRICS))
            published.setdefault(tuple(record[name] for name in LIKE), []).append(row)
        else:
            spreads = ({f"{metric}_mean": record[metric], f"{metric}_std": record[f"{metric}_std"]} for metric in METRICS)
            measured.append((*labels, *map(spread, spreads, METRICS)))
    file = variants[0].files[0]
    sections = [
        *(Section(_heading(PUBLISHED_NAME[dataset], *protocol), tuple(rows)) for protocol, rows in published.items()),
        Section(f"Measured by this run: {file.persons} persons, {file.gallery} images", tuple(measured)),
    ]
    notes = [f"No published numbers for {dataset}: this run is compared with chance and the oracles only."]
    if sources:
        notes = [
            *(f"({number}) {source}." for number, source in enumerate(sources, start=1)),
            "confirmed: no and partly mark numbers that were not checked against the place they come from.",
            "selection: the split that chose the checkpoint; a number chosen on test is optimistic.",
            "queries: all captions of the test images, or the first two of each.",
            f"{UNKNOWN}: neither the paper's abstract nor its public code was seen to say it. docs/datasets.md has what was seen.",
            "Published numbers also differ in their general pre-training and image size: they are a frame, not a ranking.",
        ]
    notes += ["Measured: the headline score of each variant on the full test gallery.", seeds_note(variants), *choice_notes(variants)]
    columns = (*LABELS, *(LABEL[metric] for metric in METRICS))
    return values, Table(f"Comparison on {dataset}", columns, len(LABELS), tuple(sections), tuple(notes))


def _order(column: pd.Series) -> pd.Series:
    """The place of each word among those that its column may have."""
    return column.map(PROTOCOL[str(column.name)].index)


def _heading(dataset: str, person_pretraining: str, interaction: str) -> str:
    protocol = f"pre-training on other persons: {person_pretraining}; interaction during the search: {interaction}"
    return f"Published for {dataset}, not run here; {protocol}"
