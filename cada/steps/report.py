"""The report step: the chapters of all data sets of a workflow file as one page."""

from __future__ import annotations

from pathlib import Path

from cada.objectives import OBJECTIVES
from cada.recipes import Recipe, take
from cada.recipes.models import ReportRecipe, VariantRow
from cada.reporting.html.chapter import read_chapter
from cada.reporting.html.page import RunVariant, write_page
from cada.reporting.html.provenance import provenance
from cada.reporting.rendering import as_yaml
from cada.reporting.tables.table import Table
from cada.storage.paths import chapter_folder, report_folder, transfer_tables, variant_params
from cada.storage.results import read_result


def objectives(row: VariantRow) -> list[str]:
    """What the variant is trained by, each with its weight where it is the variant's own."""
    own = row.variant.weights
    used = [objective for name, objective in OBJECTIVES.items() if name in row.objectives]
    return [objective.label + (f" (weight {own[objective.name]:g})" if objective.name in own else "") for objective in used]


def _place(row: str) -> str:
    """The file of a variant; a point of a sweep has none of its own."""
    return row if "," in row else str(variant_params(row))


def write_report(workflow: Path) -> None:
    """Write the page, and say where it is."""
    recipe = take(Recipe("report", workflow=workflow), ReportRecipe)
    output = report_folder(workflow) / "report.html"
    datasets = recipe.workflow.datasets
    commands = {dataset: f"cada chapter {dataset} --workflow {workflow}" for dataset in datasets}
    transfer = transfer_tables(workflow) / "transfer.json"
    write_page(
        [read_chapter(chapter_folder(dataset, workflow), command=command) for dataset, command in commands.items()],
        variants=[RunVariant(row.name, row.variant.title, row.variant.procedure, objectives(row)) for row in recipe.rows],
        seeds=recipe.workflow.seeds,
        parameters={str(workflow): as_yaml(recipe.workflow)} | {_place(row.name): as_yaml(row.variant) for row in recipe.rows},
        transfer=read_result(transfer, Table, command=f"cada transfer-tables --workflow {workflow}") if len(datasets) > 1 else None,
        provenance=provenance(),
        output=output,
    )
    print(output)
