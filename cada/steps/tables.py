"""The tables step."""

from __future__ import annotations

from pathlib import Path

from cada import config
from cada.errors import CadaError
from cada.paths import PUBLISHED, Layout
from cada.reporting import tables
from cada.tracking import tell_tables


def write_tables(dataset: str, *, workflow: Path) -> None:
    """Write the tables of the variants and seeds that the workflow file lists."""
    layout, matrix = Layout(dataset), config.load_workflow(workflow)
    if dataset not in matrix.datasets:
        raise CadaError(f"{dataset}: {workflow} lists the data sets {', '.join(matrix.datasets)}. Name one of them, or add this one.")
    tables.write_tables(
        dataset,
        variants=[(variant, config.load_variant(variant).title) for variant in matrix.rows],
        seeds=matrix.seeds,
        metrics=layout.root / "metrics",
        manifest=layout.manifest,
        published=PUBLISHED,
        output=layout.tables(workflow),
    )
    tell_tables(dataset, layout.tables(workflow), workflow=workflow)
