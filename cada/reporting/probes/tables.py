"""The tables of the probe files: robustness, its differences between variants, composition, and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cada.reporting.formats import texts_of
from cada.reporting.probes.attributes import attributes_csv, attributes_table
from cada.reporting.probes.composition import composition_csv, composition_table, measure_preferences
from cada.reporting.probes.contrasts import contrast, contrasts_csv, contrasts_table
from cada.reporting.probes.files import read_probes
from cada.reporting.probes.outcomes import read_outcomes
from cada.reporting.probes.robustness import measure_changes, robustness_csv, robustness_table
from cada.storage.files import write_text


def write_probe_tables(
    dataset: str, *, variants: Sequence[str], seeds: Sequence[int], pairs: Sequence[tuple[str, str]], results: Path, output: Path
) -> None:
    """Write {robustness,contrasts,composition,attributes}.{csv,html,md,tex} into `output`.

    pairs: (variant, reference) by name. results: the folder of the probe files, of which only those of these variants and
    seeds are read. The table of attributes is empty for a set that is not drawn.
    Errors: `CadaError` for a file that is missing or incomplete, before anything is written.
    """
    read = read_probes(dataset, variants, seeds, results / "probes")
    outcomes = read_outcomes(dataset, variants, seeds, results / "probes")
    changes, contrasts, preferences = measure_changes(read, outcomes), contrast(read, outcomes, pairs), measure_preferences(read, outcomes)
    texts = {
        "robustness.csv": robustness_csv(dataset, read, changes),
        "contrasts.csv": contrasts_csv(dataset, read, contrasts),
        "composition.csv": composition_csv(dataset, read, preferences),
        "attributes.csv": attributes_csv(dataset, read),
    }
    for name, table in {
        "robustness": robustness_table(dataset, read, changes),
        "contrasts": contrasts_table(dataset, read, contrasts),
        "composition": composition_table(dataset, read, preferences),
        "attributes": attributes_table(dataset, read),
    }.items():
        texts |= texts_of(name, table)
    for name, text in texts.items():
        write_text(output / name, text)
