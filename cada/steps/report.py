"""The report step: the chapters of all data sets of a workflow file as one page."""

from __future__ import annotations

from pathlib import Path

from cada import config
from cada.recipes import Recipe, take
from cada.recipes.models import ReportRecipe
from cada.reporting.html.chapter import read_chapter
from cada.reporting.html.page import RunVariant, write_page
from cada.reporting.html.provenance import provenance
from cada.reporting.rendering import as_yaml
from cada.reporting.tables.table import read_table_file
from cada.storage.paths import chapter_folder, report_folder, transfer_tables, variant_params

OBJECTIVES = {"global_": "global", "atp": "ATP", "ara": "ARA"}


def objectives(variant: config.Variant) -> list[str]:
    """What the variant is trained by, each with its weight where it is the variant's own."""
    own = dict(variant.weights)
    return [label + (f" (weight {own[name]:g})" if own[name] else "") for name, label in OBJECTIVES.items() if name in variant.objectives]


def _place(row: str) -> str:
    """The file of a variant; a point of a sweep has none of its own."""
    return row if "," in row else str(variant_params(row))


def write_report(workflow: Path) -> None:
    """Write the page, and say where it is."""
    recipe = take(Recipe("report", workflow=workflow), ReportRecipe)
    output = report_folder(workflow) / "report.html"
    datasets, variants = recipe.workflow.datasets, {row.name: row.variant for row in recipe.rows}
    commands = {dataset: f"cada chapter {dataset} --workflow {workflow}" for dataset in datasets}
    transfer = transfer_tables(workflow) / "transfer.json"
    write_page(
        [read_chapter(chapter_folder(dataset, workflow), command=command) for dataset, command in commands.items()],
        variants=[RunVariant(name, own.title, own.procedure, objectives(own)) for name, own in variants.items()],
        seeds=recipe.workflow.seeds,
        parameters={str(workflow): as_yaml(recipe.workflow)} | {_place(name): as_yaml(own) for name, own in variants.items()},
        transfer=read_table_file(transfer, command=f"cada transfer-tables --workflow {workflow}") if len(datasets) > 1 else None,
        provenance=provenance(),
        output=output,
    )
    print(output)
