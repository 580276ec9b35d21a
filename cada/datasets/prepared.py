"""The records of a set as params/<dataset>/data.yaml describes it, for all steps."""

from __future__ import annotations

from pathlib import Path

from cada.config import Source
from cada.datasets import manifest as manifests
from cada.datasets.reading import annotation_files, read
from cada.datasets.records import Records
from cada.storage.paths import Layout


def load_records(dataset: str, source: Source, *, manifest: Path) -> Records:
    """All records, pre-training ones included, once the disk was seen to hold what the manifest lists."""
    manifests.compare(manifests.read(manifest, dataset), source.root, dataset)
    return read_source(dataset, source)


def read_source(dataset: str, source: Source) -> Records:
    """All records, read without a look at the manifest."""
    where = Layout(dataset).params("data")
    return read(source.format, source.root, annotation=source.annotation, test_persons=source.test_persons, where=where)


def source_files(dataset: str, source: Source) -> list[Path]:
    """The annotation files, the main one first. Errors: `CadaError` when there is none."""
    return annotation_files(source.format, source.root, annotation=source.annotation, where=Layout(dataset).params("data"))
