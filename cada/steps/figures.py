"""The figures step."""

from __future__ import annotations

from pathlib import Path

from cada import config
from cada.data.prepare import load_records
from cada.paths import Layout
from cada.reporting import figures
from cada.steps.matrix import reported
from cada.tracking import tell_reports


def write_figures(dataset: str, *, workflow: Path) -> None:
    """Draw the figures of the variants and seeds that the workflow file lists; ranked lists are those of the fullest variant."""
    layout, matrix, data = Layout(dataset), reported(dataset, workflow), config.load_dataset(dataset).data
    figures.write_figures(
        dataset,
        variants=list(matrix.titles.items()),
        seeds=matrix.seeds,
        pairs=layout.tables(workflow) / "pairs.csv",
        shown=max(matrix.objectives, key=lambda variant: len(matrix.objectives[variant])),  # of equal ones the first
        results=layout.root,
        root=data.root,
        records=load_records(dataset, data, manifest=layout.manifest),
        output=layout.figures(workflow),
    )
    tell_reports(dataset, layout.figures(workflow), workflow=workflow)
