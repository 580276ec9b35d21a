"""The pipeline's steps: each loads its parameters, calls the functions that do the work, and tells the tracker.

A step is a pure function of the files it is given; what it declares as output holds no times, hosts or run ids.
Heavy modules are imported inside, so that `cada --help` answers at once.
"""

from __future__ import annotations

from cada import config
from cada.paths import PUBLISHED, Cell, Layout


def prepare_data(dataset: str, *, force: bool = False) -> None:
    """Draw or validate the data set and write its manifest."""
    from cada.data.prepare import prepare

    data = config.load_dataset(dataset).data
    prepare(dataset, data, output=Layout(dataset).manifest, force=force)


def parse_phrases(dataset: str) -> None:
    """Parse every caption into attribute phrases."""
    from cada.data.prepare import load_records
    from cada.phrases.table import write_phrases

    layout = Layout(dataset)
    records = load_records(dataset, config.load_dataset(dataset).data, manifest=layout.manifest)
    write_phrases(records, output=layout.phrases)
