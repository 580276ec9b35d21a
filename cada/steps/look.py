"""A look at a data set: its checks without writing, and some of its images."""

from __future__ import annotations

import time
from pathlib import Path

from cada import config
from cada.datasets.prepare import inspect
from cada.datasets.prepared import load_records, read_source
from cada.datasets.sheet import contact_sheet
from cada.datasets.text import MAX_WORDS
from cada.errors import CadaError
from cada.storage.paths import Layout


def validate_data(dataset: str) -> None:
    """Print what the set holds; `CadaError` with everything that is wrong with it."""
    data = config.load_dataset(dataset).data
    if data.synthesis and not data.root.exists():
        raise CadaError(f"{data.root}: this set is not drawn yet. Run `cada data prepare {dataset}`.")
    records = read_source(dataset, data)
    begin = time.monotonic()
    findings = inspect(dataset, data, records=records)
    seconds = time.monotonic() - begin
    print(f"{dataset}: {data.root}")
    print(f"  {'split':10}{'persons':>10}{'images':>10}{'captions':>10}")
    for split, counts in findings.counts.items():
        print(f"  {split:10}" + "".join(f"{number:>10,}" for number in counts.values()))
    print(f"  {findings.truncated:,} captions are cut after {MAX_WORDS} words")
    print(f"  {len(findings.images):,} whole images, {len(findings.images) / seconds:,.0f} checked a second")
    if data.expected is None and data.synthesis is None:
        print(f"  the counts are not compared: params/{dataset}/data.yaml has no `expected`")
    if findings.problems:
        raise CadaError("\n".join(findings.problems))


def draw_sheet(dataset: str, output: Path) -> None:
    """Draw some of the data set's persons with their captions to a .png or .jpg file."""
    data = config.load_dataset(dataset).data
    contact_sheet(data.root, load_records(dataset, data, manifest=Layout(dataset).manifest), output)
