"""The tables of one data set, from the files of its models, its manifest and the published numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cada.reporting.results.histories import all_chosen_on_test, read_histories
from cada.reporting.results.metrics import read_variants
from cada.reporting.results.rankings import read_rankings
from cada.reporting.tables.ablation import Oracles, ablation_table
from cada.reporting.tables.comparison import comparison_table, read_literature
from cada.reporting.tables.open_set import open_set_table
from cada.reporting.tables.pairs import compare, pairs_table
from cada.reporting.tables.sensitivity import sensitivity_table, sensitivity_values
from cada.reporting.tables.table import write_tables
from cada.retrieval.metrics import METRICS
from cada.storage.files import read_object, write_json


def write_result_tables(
    dataset: str,
    *,
    variants: Sequence[tuple[str, str]],
    seeds: Sequence[int],
    pairs: Sequence[tuple[str, str]],
    results: Path,
    manifest: Path,
    literature: Path,
    output: Path,
) -> None:
    """Write {ablation,pairs,open_set,comparison,sensitivity}.{csv,html,json,md,tex} and scores.json into `output`.

    variants: (name, title) in the order of the rows. pairs: (variant, reference) by name. results: the folder of metrics,
    rankings and histories, of which only those of these variants and seeds are read. scores.json has the mean of each
    variant's headline score, for `dvc metrics diff`.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    names = [name for name, _ in variants]
    measured = read_variants(dataset, variants, seeds, results / "metrics")
    rankings = read_rankings(dataset, names, seeds, results / "rankings")
    chosen = all_chosen_on_test(read_histories(dataset, names, seeds, results / "history"))
    oracles: Oracles = read_object(manifest).get("oracles") or {}
    differences = compare(dataset, measured, rankings, pairs)
    sensitivity = sensitivity_values(dataset, measured)
    tables = {
        "ablation": ablation_table(dataset, measured, oracles, chosen, differences),
        "pairs": (differences, pairs_table(dataset, differences)),
        "open_set": open_set_table(dataset, measured),
        "comparison": comparison_table(dataset, measured, oracles, read_literature(literature, dataset)),
        "sensitivity": (sensitivity, sensitivity_table(dataset, sensitivity, measured)),
    }
    write_tables(tables, output)
    headlines = {variant.name: variant.headline_summary() for variant in measured}
    means = {name: {metric: round(summary[f"{metric}_mean"], 2) for metric in METRICS} for name, summary in headlines.items()}
    write_json(output / "scores.json", means)
