"""The phrases step."""

from __future__ import annotations

from cada import config
from cada.data.prepare import load_records
from cada.paths import Layout
from cada.phrases.table import write_phrases


def parse_phrases(dataset: str) -> None:
    """Parse every caption into attribute phrases."""
    layout = Layout(dataset)
    records = load_records(dataset, config.load_dataset(dataset).data, manifest=layout.manifest)
    write_phrases(records, output=layout.phrases)
