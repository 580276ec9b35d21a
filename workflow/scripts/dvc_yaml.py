"""Print dvc.yaml: the steps of cada/pipeline.py for the matrix of params/workflow.yaml. `make generated` writes the file.

A step depends on its recipe; the recipes are the outputs of the first three stages, which alone see params/ and the code.
"""

from __future__ import annotations

from typing import Any

import yaml

from cada.config import DatasetParameters
from cada.pipeline import Step, steps
from cada.runtime.console import console
from cada.storage.paths import WORKFLOW, Layout, procedure_params, variant_params

HEAD = """\
# The steps for DVC, which records and restores what they make; `dvc repro` runs what changed.
# Works in the activated environment: source .venv/bin/activate
# Made by workflow/scripts/dvc_yaml.py from cada/pipeline.py: edit that table and run make generated.
"""
LISTS = {"dataset": "datasets", "variant": "variants", "seed": "seeds"}
ITEM = {name: f"${{item.{name}}}" for name in LISTS}
CURVE = {"x": "step", "y": "loss", "x_label": "optimiser steps", "y_label": "training loss", "title": "Training loss"}


def stages() -> dict[str, Any]:
    """The stages by name. Transfers are none: DVC's matrix has no pairs of different data sets."""
    table = [step for step in steps() if not step.name.startswith("transfer")]
    return recipe_stages(table) | {step.name: stage(step) for step in table}


def recipe_stages(table: list[Step]) -> dict[str, Any]:
    """The stages that write the recipes, each for the steps that are made as often."""
    files = [str(Layout("{dataset}").params(name)) for name in DatasetParameters.model_fields]
    variants, own = str(variant_params("*").parent), str(variant_params("{variant}"))
    procedures = sorted(map(str, procedure_params("*").parent.glob("*.yaml")))

    def written(name: str, over: tuple[str, ...], arguments: str, params: list[str], deps: list[str]) -> dict[str, Any]:
        outs = dict.fromkeys(step.recipe for step in table if tuple(part for part in step.over if part != "seed") == over)
        return {name: made(over, f"cada recipes{arguments}", deps=["cada", *deps], params=[*params, *procedures], outs=list(outs))}

    return (
        written("recipes", ("dataset",), " {dataset}", [str(WORKFLOW), *files], [variants])
        | written("variant-recipes", ("dataset", "variant"), " {dataset} --variant {variant}", [*files, own], [])
        | written("report-recipe", (), "", [str(WORKFLOW)], [variants])
    )


def stage(step: Step) -> dict[str, Any]:
    """The stage of one step. What it takes for every variant and seed is the folder of these files."""
    deps = [path if isinstance(path, str) else path.pattern.split(f"/{{{path.over[0]}}}")[0] for path in step.inputs]
    plain = [path for path in step.outputs if path not in (*step.metrics, *step.curves)]
    return made(step.over, step.command, deps=[step.recipe, *deps], outs=plain, metrics=step.metrics, plots=step.curves)


def made(over: tuple[str, ...], command: str, **parts: Any) -> dict[str, Any]:
    """A stage in DVC's words."""
    values = {name: [item(path) for path in dict.fromkeys(paths)] for name, paths in parts.items() if paths}
    if "params" in values:
        values["params"] = [{path: None} for path in values["params"]]  # all values of the file, and not its bytes
    if "metrics" in values:
        values["metrics"] = [{path: {"cache": False}} for path in values["metrics"]]  # small enough for git
    if "plots" in values:
        values["plots"] = [{path: CURVE} for path in values["plots"]]
    matrix = {"matrix": {name: f"${{{LISTS[name]}}}" for name in over}} if over else {}
    return matrix | {"cmd": f"${{step}} {item(command)}"} | values


def item(pattern: str) -> str:
    return pattern.format(**ITEM)


class Dumper(yaml.SafeDumper):
    """Lists are indented under their key."""

    def increase_indent(self, flow: bool = False, **_: bool) -> None:
        super().increase_indent(flow, False)


def text() -> str:
    """The whole file."""
    content = {"vars": [str(WORKFLOW), {"step": "exec workflow/scripts/step.sh"}], "stages": stages()}
    return HEAD + yaml.dump(content, Dumper=Dumper, sort_keys=False, width=1000)


if __name__ == "__main__":
    with console("dvc_yaml"):
        print(text(), end="")
