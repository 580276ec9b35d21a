"""Print what DVC is to commit: the stages of the matrix that Snakemake has planned last, whose every output is there.

The matrix is that of params/workflow.yaml, or a part of it that `--config` has named. Fails at an output that is missing.
"""

from __future__ import annotations

from pathlib import Path

from cada.config import Workflow, load_workflow, validated
from cada.errors import CadaError
from cada.pipeline import Step, combinations, steps
from cada.recipes import Recipe, recorded
from cada.runtime.console import console


def main() -> None:
    """One stage a line, or all of them as dvc.yaml."""
    whole = load_workflow()
    matrix = validated(recorded(Recipe("report"))["values"]["workflow"], Workflow, source=str(Recipe("report").path))
    table = [step for step in steps() if not step.name.startswith("transfer")]
    for step in table:
        for chosen in combinations(step.over, matrix):
            for path in (pattern.format(**chosen) for pattern in step.outputs):
                if not Path(path).exists():
                    raise CadaError(
                        f"{path}: is missing, and what was made from it is there. Fetch it from DVC's cache: dvc checkout {path}; "
                        f"or make it again: snakemake --cores 8 {path}"
                    )
    if matrix == whole:
        print("dvc.yaml")
        return
    known = {
        name: {chosen_name(step, chosen) for step in table for chosen in combinations(step.over, part)}
        for name, part in (("listed", whole), ("planned", matrix))
    }
    if unknown := known["planned"] - known["listed"]:
        raise CadaError(f"{', '.join(sorted(unknown)[:3])}: DVC has stages for what params/workflow.yaml lists. List it there.")
    recipes = [f"recipes@{dataset}" for dataset in matrix.datasets]
    recipes += [f"variant-recipes@{dataset}-{variant}" for dataset in matrix.datasets for variant in matrix.rows]
    print("\n".join([*recipes, "report-recipe", *sorted(known["planned"])]))


def chosen_name(step: Step, chosen: dict[str, str]) -> str:
    """DVC's name of a stage: train@synthpedes-dual-0."""
    return "@".join([step.name, *(["-".join(chosen.values())] if chosen else [])])


if __name__ == "__main__":
    with console("record"):
        main()
