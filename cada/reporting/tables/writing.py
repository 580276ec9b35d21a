"""The tables of a run, from the files of its models: those of a data set, of its probes, and of transfers between data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cada.reporting.results.histories import all_chosen_on_test, read_histories
from cada.reporting.results.metrics import read_variants
from cada.reporting.results.probes import read_outcomes, read_probes
from cada.reporting.results.rankings import read_rankings
from cada.reporting.tables.ablation import Oracles, ablation_table
from cada.reporting.tables.attributes import attributes_table
from cada.reporting.tables.comparison import comparison_table, read_literature
from cada.reporting.tables.composition import composition_table
from cada.reporting.tables.contrasts import contrasts_table
from cada.reporting.tables.pairs import compare, pairs_table
from cada.reporting.tables.robustness import robustness_table
from cada.reporting.tables.sensitivity import sensitivity_table, sensitivity_values
from cada.reporting.tables.table import write_tables
from cada.reporting.tables.transfer import transfer_table
from cada.retrieval.metrics import METRICS
from cada.storage.files import read_json, write_json


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
    """Write {ablation,pairs,comparison,sensitivity}.{csv,html,json,md,tex} and scores.json into `output`.

    variants: (name, title) in the order of the rows. pairs: (variant, reference) by name. results: the folder of metrics,
    rankings and histories, of which only those of these variants and seeds are read. scores.json has the mean of each
    variant's headline score, for `dvc metrics diff`.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    names = [name for name, _ in variants]
    measured = read_variants(dataset, variants, seeds, results / "metrics")
    rankings = read_rankings(dataset, names, seeds, results / "rankings")
    chosen = all_chosen_on_test(read_histories(dataset, names, seeds, results / "history"))
    oracles: Oracles = read_json(manifest).get("oracles") or {}
    differences = compare(dataset, measured, rankings, pairs)
    sensitivity = sensitivity_values(dataset, measured)
    tables = {
        "ablation": ablation_table(dataset, measured, oracles, chosen, differences),
        "pairs": (differences, pairs_table(dataset, differences)),
        "comparison": comparison_table(dataset, measured, oracles, read_literature(literature, dataset)),
        "sensitivity": (sensitivity, sensitivity_table(dataset, sensitivity, measured)),
    }
    write_tables(tables, output)
    headlines = {variant.name: variant.headline_summary() for variant in measured}
    means = {name: {metric: round(summary[f"{metric}_mean"], 2) for metric in METRICS} for name, summary in headlines.items()}
    write_json(output / "scores.json", means)


def write_probe_tables(
    dataset: str, *, variants: Sequence[str], seeds: Sequence[int], pairs: Sequence[tuple[str, str]], results: Path, output: Path
) -> None:
    """Write {robustness,contrasts,composition,attributes}.{csv,html,json,md,tex} into `output`.

    pairs: (variant, reference) by name. results: the folder of the probe files, of which only those of these variants and
    seeds are read. The table of attributes is empty for a set that is not drawn.
    Errors: `CadaError` for a file that is missing or incomplete, before anything is written.
    """
    probed = read_probes(dataset, variants, seeds, results / "probes")
    outcomes = read_outcomes(dataset, variants, seeds, results / "probes")
    tables = {
        "robustness": robustness_table(dataset, probed, outcomes),
        "contrasts": contrasts_table(dataset, probed, outcomes, pairs),
        "composition": composition_table(dataset, probed, outcomes),
        "attributes": attributes_table(dataset, probed),
    }
    write_tables(tables, output)


def write_transfer_tables(
    folders: Mapping[tuple[str, str], Path], *, variants: Sequence[tuple[str, str]], seeds: Sequence[int], output: Path
) -> None:
    """Write transfer.{csv,html,json,md,tex} into `output`.

    folders: (trained on, tested on) -> the folder with <name>/<seed>.json of these variants (name, title) and seeds.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    transfers = {
        (trained, tested): read_variants(tested, variants, seeds, folder, trained_on=None if trained == tested else trained)
        for (trained, tested), folder in folders.items()
    }
    write_tables({"transfer": transfer_table(transfers)}, output)
