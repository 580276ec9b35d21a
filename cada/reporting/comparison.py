"""The comparison: numbers from the literature with their sources, and apart from them what this run measured."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from cada.errors import CadaError
from cada.reporting.ablation import Oracles, choice_notes, mean_and_deviation, oracle_scores, seeds_note
from cada.reporting.formats import Section, Table, csv_text
from cada.reporting.measured import LABEL, METRICS, Variant, headlines

PUBLISHED_NAME = {"cuhk_pedes": "CUHK-PEDES", "icfg_pedes": "ICFG-PEDES", "rstpreid": "RSTPReid"}
COLUMNS = ("method", "venue", "dataset", *METRICS, "source", "confirmed")
Published = dict[str, str]  # one line of params/published.csv, as text


def read_published(path: Path, dataset: str) -> list[Published]:
    """The published rows of one data set, in the file's order; none for a set nobody published on.

    Errors: `CadaError` for a missing file, other columns, or a number that is none.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            found = list(reader)
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such file. Take it from the repository: `git checkout {path}`.") from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise CadaError(f"{path}: has the columns {reader.fieldnames}, not {list(COLUMNS)}.")
    for line, row in enumerate(found, start=2):
        for name in METRICS:
            _check_number(row[name], f"{path}: line {line}: {name}")
    return [row for row in found if row["dataset"] == PUBLISHED_NAME.get(dataset)]


def comparison_table(dataset: str, variants: Sequence[Variant], oracles: Oracles, published: Sequence[Published]) -> Table:
    """The table as a reader sees it: a section for published numbers, one for measured ones. Sources are numbered notes."""
    sources = list(dict.fromkeys(row["source"] for row in published))
    literature = tuple(
        (
            "published",
            row["method"],
            row["venue"],
            row["confirmed"],
            f"({sources.index(row['source']) + 1})",
            *(row[name] for name in METRICS),
        )
        for row in published
    )
    measured = tuple(
        ("measured", f"{row.variant}, {row.fusion}", "", "", "", *(mean_and_deviation(row.summaries[name]) for name in METRICS))
        for row in headlines(variants)
    )
    known = tuple(
        ("oracle", name, "", "", "", f"{score:.1f}", *[""] * (len(METRICS) - 1)) for name, score in oracle_scores(oracles, "all").items()
    )
    file = variants[0].files[0]
    sections = [Section(f"Measured by this run: {file.persons} persons, {file.gallery} pictures", (*measured, *known))]
    if published:
        sections.insert(0, Section(f"Published for {PUBLISHED_NAME[dataset]}: not run here", literature))
    columns = ("kind", "method", "venue", "confirmed", "source", *(LABEL[name] for name in METRICS))
    return Table(f"Comparison on {dataset}", columns, 5, tuple(sections), tuple(_notes(dataset, variants, sources)))


def comparison_csv(dataset: str, variants: Sequence[Variant], oracles: Oracles, published: Sequence[Published]) -> str:
    """The same rows as values; `kind` is published, measured or oracle, and only measured rows have deviations and seeds."""
    columns = ["dataset", "kind", "method", "venue", "confirmed", "source", "seeds", *METRICS, *(f"{name}_std" for name in METRICS)]
    none = [""] * len(METRICS)
    lines = [
        [dataset, "published", row["method"], row["venue"], row["confirmed"], row["source"], "", *(row[name] for name in METRICS), *none]
        for row in published
    ]
    for row in headlines(variants):
        deviations = [row.summaries[name].deviation for name in METRICS]
        lines.append(
            [dataset, "measured", f"{row.variant}, {row.fusion}", "", "", "", str(len(variants[0].files))]
            + [f"{row.summaries[name].mean:.4f}" for name in METRICS]
            + ["" if value is None else f"{value:.4f}" for value in deviations]
        )
    for name, score in oracle_scores(oracles, "all").items():
        lines.append([dataset, "oracle", name, "", "", "", "", f"{score:.4f}", *none[1:], *none])
    return csv_text(columns, lines)


def _notes(dataset: str, variants: Sequence[Variant], sources: Sequence[str]) -> list[str]:
    notes = [f"({number}) {source}." for number, source in enumerate(sources, start=1)]
    if sources:
        notes.append("confirmed: no and partly mark numbers that were not checked against the place they come from.")
        notes.append("Published numbers differ in pre-training, image size, query set and choice of checkpoint: a frame, no ranking.")
    else:
        notes.append(f"No published numbers for {dataset}: this run stands beside chance and the oracles only.")
    return [*notes, "Measured: each variant's headline score on the full test gallery.", seeds_note(variants), *choice_notes(variants)]


def _check_number(text: str | None, where: str) -> None:
    """An empty cell says that nothing was published."""
    try:
        float(text or "0")
    except ValueError as error:
        raise CadaError(f"{where}: {text!r} is no number. Correct it, or leave the cell empty.") from error
