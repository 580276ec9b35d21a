"""The comparison: numbers from the literature with their sources, and apart from them what this run measured."""

from __future__ import annotations

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
LITERATURE_COLUMNS = ("method", "venue", "dataset", *METRICS, "source", "confirmed")
COMPARISON_LABELS = ("dataset", "kind", "method", "venue", "confirmed", "source", "seeds")


def read_literature(path: Path, dataset: str) -> pd.DataFrame:
    """The published numbers on one data set, as text, in the file's order; none for a set nobody published on.

    Errors: `CadaError` for a missing file, other columns, or a number that is none.
    """
    with reading(path, missing=f"Take it from the repository: `git checkout {path}`."):
        found = pd.read_csv(path, dtype=str, keep_default_na=False)
    if tuple(found.columns) != LITERATURE_COLUMNS:
        raise CadaError(f"{path}: has the columns {list(found.columns)}, not {list(LITERATURE_COLUMNS)}.")
    for metric in METRICS:
        wrong = found[metric][pd.to_numeric(found[metric].replace("", "0"), errors="coerce").isna()]  # empty: nothing was published
        for line, text in wrong.items():
            raise CadaError(f"{path}: line {int(str(line)) + 2}: {metric}: {text!r} is no number. Correct it, or leave the cell empty.")
    return found[found["dataset"] == PUBLISHED_NAME.get(dataset)]


def comparison_table(dataset: str, variants: Sequence[MeasuredVariant], oracles: Oracles, literature: pd.DataFrame) -> Tabulated:
    """A section for the published numbers and one for the measured ones. Sources are numbered notes.

    `kind` is published, measured or oracle; only measured rows have deviations and seeds.
    """
    records: list[Record] = [{**record, "kind": "published"} for record in literature.to_dict("records")]
    for variant in variants:
        summary = variant.headline_summary()
        means = {metric: summary[f"{metric}_mean"] for metric in METRICS}
        records.append({"kind": "measured", "method": f"{variant.name}, {summary['score']}", **summary, **means})
    records += [{"kind": "oracle", "method": name, "R1": score} for name, score in oracle_scores(oracles, "all").items()]
    names = [*COMPARISON_LABELS, *METRICS, *(f"{metric}_std" for metric in METRICS)]
    values = frame([{**record, "dataset": dataset} for record in records], names)
    sources = list(values["source"].dropna().unique())
    rows: dict[bool, list[tuple[str, ...]]] = {True: [], False: []}
    for record in values.to_dict("records"):
        published = record["kind"] == "published"
        if published:
            labels = [record["venue"], record["confirmed"], f"({sources.index(record['source']) + 1})"]
            numbers = [record[metric] for metric in METRICS]
        else:
            labels = [""] * 3
            numbers = [spread({f"{metric}_mean": record[metric], f"{metric}_std": record[f"{metric}_std"]}, metric) for metric in METRICS]
        rows[published].append((record["kind"], record["method"], *labels, *numbers))
    file = variants[0].files[0]
    sections = [Section(f"Measured by this run: {file.persons} persons, {file.gallery} images", tuple(rows[False]))]
    notes = [f"No published numbers for {dataset}: this run is compared with chance and the oracles only."]
    if sources:
        sections.insert(0, Section(f"Published for {PUBLISHED_NAME[dataset]}: not run here", tuple(rows[True])))
        notes = [
            *(f"({number}) {source}." for number, source in enumerate(sources, start=1)),
            "confirmed: no and partly mark numbers that were not checked against the place they come from.",
            "Published numbers differ in pre-training, image size, query set and choice of checkpoint: they are a frame, not a ranking.",
        ]
    notes += ["Measured: the headline score of each variant on the full test gallery.", seeds_note(variants), *choice_notes(variants)]
    columns = ("kind", "method", "venue", "confirmed", "source", *(LABEL[metric] for metric in METRICS))
    return values, Table(f"Comparison on {dataset}", columns, 5, tuple(sections), tuple(notes))
