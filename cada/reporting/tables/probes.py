"""The tables of the probes of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cada.reporting.results.choices import read_choices
from cada.reporting.results.probes import read_outcomes, read_probes
from cada.reporting.tables.attributes import attributes_table
from cada.reporting.tables.composition import composition_tables
from cada.reporting.tables.composition_pairs import composition_pairs_table
from cada.reporting.tables.contrasts import contrasts_table
from cada.reporting.tables.robustness import robustness_table
from cada.reporting.tables.table import write_tables


def write_probe_tables(
    dataset: str, *, variants: Sequence[str], seeds: Sequence[int], pairs: Sequence[tuple[str, str]], results: Path, output: Path
) -> None:
    """Write {robustness,contrasts,composition,composition_slots,composition_pairs,attributes}.{csv,html,json,md,tex} into `output`.

    pairs: (variant, reference) by name. results: the folder of the probe files, of which only those of these variants and
    seeds are read. The table of attributes is empty for a set that is not drawn.
    Errors: `CadaError` for a file that is missing or incomplete, before anything is written.
    """
    probed = read_probes(dataset, variants, seeds, results / "probes")
    outcomes = read_outcomes(dataset, variants, seeds, results / "probes")
    choices = read_choices(dataset, variants, seeds, results / "choices")
    tables = {
        "robustness": robustness_table(dataset, probed, outcomes),
        "contrasts": contrasts_table(dataset, probed, outcomes, pairs),
        **composition_tables(dataset, choices, seeds),
        "composition_pairs": composition_pairs_table(dataset, choices, pairs, seeds),
        "attributes": attributes_table(dataset, probed),
    }
    write_tables(tables, output)
