"""The report step: the chapters of all data sets of a workflow file as one page."""

from __future__ import annotations

from pathlib import Path

from cada import config
from cada.paths import chapter_folder, report_folder, transfer_tables, variant_params
from cada.report.page import Row, write_page
from cada.report.provenance import provenance

OBJECTIVES = {"global_": "global", "atp": "ATP", "ara": "ARA"}


def objectives(variant: config.Variant) -> list[str]:
    """What the variant is trained by, each with its weight where it is the variant's own."""
    own = dict(variant.weights)
    return [label + (f" (weight {own[name]:g})" if own[name] else "") for name, label in OBJECTIVES.items() if name in variant.objectives]


def write_report(workflow: Path) -> None:
    """Write the page, and say where it is."""
    matrix = config.load_workflow(workflow)
    variants = {name: config.load_variant(name) for name in matrix.rows}
    output = report_folder(workflow) / "report.html"
    write_page(
        {dataset: chapter_folder(dataset, workflow) for dataset in matrix.datasets},
        variants=[Row(name, own.title, own.procedure, objectives(own)) for name, own in variants.items()],
        seeds=matrix.seeds,
        parameters=[workflow, *dict.fromkeys(variant_params(config.base_of(name)) for name in matrix.rows)],
        transfer=transfer_tables(workflow) / "transfer.html",
        provenance=provenance(),
        workflow=workflow,
        output=output,
    )
    print(output)
