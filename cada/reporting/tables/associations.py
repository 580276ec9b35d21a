"""The tables of the associations of one data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cada.reporting.association_measures import Tables, measured
from cada.reporting.results.associations import Associated
from cada.reporting.results.metrics import MeasuredVariant
from cada.reporting.tables.association_gains import correlation_table, gains_table
from cada.reporting.tables.correspondence import correspondence_table, slots_table
from cada.reporting.tables.discrepancy import discrepancy_table
from cada.reporting.tables.prediction import prediction_table
from cada.reporting.tables.table import write_tables


def write_association_tables(
    dataset: str,
    files: Associated,
    phrases: Mapping[str, Tables],
    *,
    results: Sequence[MeasuredVariant],
    pairs: Sequence[tuple[str, str]],
    output: Path,
) -> None:
    """Write {correspondence,slots,prediction,discrepancy,gains,correlation}.{csv,html,json,md,tex} into `output`.

    phrases: as the files have them. results: the metrics of the same variants and seeds. pairs: (variant, reference) by name. Of a set
    that is not drawn the first three are empty.
    """
    tables = {name: [measured(table) for table in own] for name, own in phrases.items()}
    write_tables(
        {
            "correspondence": correspondence_table(dataset, files, tables),
            "slots": slots_table(dataset, files, tables),
            "prediction": prediction_table(dataset, files, tables),
            "discrepancy": discrepancy_table(dataset, files, tables),
            "gains": gains_table(dataset, files, tables, pairs),
            "correlation": correlation_table(dataset, files, tables, results),
        },
        output,
    )
