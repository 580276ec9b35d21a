"""The records of a prepared set, for all steps after the data step."""

from __future__ import annotations

from pathlib import Path

from cada.config import Source
from cada.datasets import manifest as manifests
from cada.datasets.readers import read_records
from cada.datasets.records import Record
from cada.storage.paths import Layout


def load_records(dataset: str, source: Source, *, manifest: Path) -> list[Record]:
    """All records, pre-training ones included, once the disk was seen to hold what the manifest lists."""
    manifests.compare(manifests.read(manifest, dataset), source.root, dataset)
    return read_records(source.format, source.root, where=Layout(dataset).params("data"))
