"""The tables of one data set, from its metrics and rankings files, its manifest and the published numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cada.reporting.ablation import ablation_csv, ablation_table
from cada.reporting.comparison import comparison_csv, comparison_table, read_published
from cada.reporting.formats import texts_of
from cada.reporting.histories import all_chosen_on_test, read_histories
from cada.reporting.measured import headlines, read_variants
from cada.reporting.pairs import compare, interval_note, pairs_csv, pairs_table, sentences
from cada.reporting.rankings import read_rankings
from cada.reporting.sensitivity import sensitivity_csv, sensitivity_table
from cada.storage.files import read_json, write_json, write_text


def write_tables(
    dataset: str,
    *,
    variants: Sequence[tuple[str, str]],
    seeds: Sequence[int],
    pairs: Sequence[tuple[str, str]],
    results: Path,
    manifest: Path,
    published: Path,
    output: Path,
) -> None:
    """Write {ablation,pairs,comparison,sensitivity}.{csv,html,md,tex} and scores.json into `output`.

    variants: (name, title) in the order of the rows. pairs: (variant, reference) by name. results: the folder of metrics,
    rankings and histories, of which only those of these variants and seeds are read. scores.json has the mean of each
    variant's headline score, for `dvc metrics diff`.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    names = [name for name, _ in variants]
    measured = read_variants(dataset, variants, seeds, results / "metrics")
    compared = compare(measured, read_rankings(dataset, names, seeds, results / "rankings"), pairs)
    chosen = all_chosen_on_test(read_histories(dataset, names, seeds, results / "history"))
    oracles: dict[str, Any] = read_json(manifest).get("oracles") or {}
    rows = read_published(published, dataset)
    texts = {
        "ablation.csv": ablation_csv(dataset, measured, oracles, chosen),
        "pairs.csv": pairs_csv(dataset, compared),
        "comparison.csv": comparison_csv(dataset, measured, oracles, rows),
        "sensitivity.csv": sensitivity_csv(dataset, measured),
    }
    differences = [*sentences(compared, ["R1"]), interval_note(seeds)] if compared else []
    for name, table in {
        "ablation": ablation_table(dataset, measured, oracles, chosen, differences),
        "pairs": pairs_table(dataset, compared),
        "comparison": comparison_table(dataset, measured, oracles, rows),
        "sensitivity": sensitivity_table(dataset, measured),
    }.items():
        texts |= texts_of(name, table)
    for name, text in texts.items():
        write_text(output / name, text)
    means = {row.variant: {name: round(summary.mean, 2) for name, summary in row.summaries.items()} for row in headlines(measured)}
    write_json(output / "scores.json", means)
