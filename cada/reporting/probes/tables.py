"""The tables of the probe files: robustness, composition, and attributes for a drawn set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cada.files import write_text
from cada.reporting.formats import latex, markdown
from cada.reporting.probes.attributes import attributes_csv, attributes_table
from cada.reporting.probes.composition import composition_csv, composition_table
from cada.reporting.probes.files import read_probes
from cada.reporting.probes.robustness import robustness_csv, robustness_table


def write_probe_tables(dataset: str, *, variants: Sequence[str], seeds: Sequence[int], probes: Path, output: Path) -> None:
    """Write {robustness,composition}.{csv,md,tex} into `output`, and attributes.* for a drawn set.

    Only `probes`/<variant>/<seed>.json of these variants and seeds are read.
    """
    read = read_probes(dataset, variants, seeds, probes)
    texts = {"robustness.csv": robustness_csv(dataset, read), "composition.csv": composition_csv(dataset, read)}
    tables = {"robustness": robustness_table(dataset, read), "composition": composition_table(dataset, read)}
    if all(file.attributes for files in read.values() for file in files):
        texts["attributes.csv"], tables["attributes"] = attributes_csv(dataset, read), attributes_table(dataset, read)
    for name, table in tables.items():
        texts |= {f"{name}.md": markdown(table), f"{name}.tex": latex(table)}
    for name, text in texts.items():
        write_text(output / name, text)
