"""The data step, and a look at its result."""

from __future__ import annotations

from pathlib import Path

from cada import config
from cada.data.prepare import load_records, prepare
from cada.data.sheet import contact_sheet
from cada.paths import Layout


def prepare_data(dataset: str, *, force: bool = False) -> None:
    """Draw or validate the data set and write its manifest."""
    data = config.load_dataset(dataset).data
    prepare(dataset, data, output=Layout(dataset).manifest, force=force)


def draw_sheet(dataset: str, output: Path) -> None:
    """Draw some of the data set's persons with their captions to a .png or .jpg file."""
    data = config.load_dataset(dataset).data
    contact_sheet(data.root, load_records(dataset, data, manifest=Layout(dataset).manifest), output)
