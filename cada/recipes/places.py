"""Which recipes there are, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from cada.config import Workflow
from cada.storage.paths import WORKFLOW, Layout, report_folder

OF_DATASET = ("data", "phrases", "initial")
OF_VARIANT = ("train", "evaluate", "probe", "associate")
OF_MATRIX = ("tables", "figures", "attention", "probe-tables", "association-tables", "chapter", "release")
OF_REPORT = ("report", "transfer-tables")


@dataclass(frozen=True)
class Recipe:
    """A step's recipe, by what the step is called with. `workflow` names the matrix of the reports."""

    step: str
    dataset: str = ""
    variant: str = ""
    target: str = ""
    workflow: Path = WORKFLOW

    @property
    def path(self) -> Path:
        if self.step in OF_REPORT:
            folder = report_folder(self.workflow)
        elif self.step in OF_MATRIX:
            folder = Layout(self.dataset).reports(self.workflow)
        else:
            folder = Layout(self.dataset).root
        parts = [part for part in (self.step, self.target, self.variant) if part]
        return folder / "recipes" / "/".join([*parts[:-1], f"{parts[-1]}.json"])


def recipes_of(matrix: Workflow, workflow: Path) -> Iterator[Recipe]:
    """All recipes of a matrix."""
    for dataset in matrix.datasets:
        yield from of_dataset(dataset, workflow)
        for variant in matrix.rows:
            yield from of_variant(dataset, variant)
    for dataset, target in permutations(matrix.datasets, 2):
        yield from (Recipe("transfer", dataset, variant, target) for variant in matrix.rows)
    yield from of_report(workflow)


def of_dataset(dataset: str, workflow: Path) -> Iterator[Recipe]:
    """Those of the steps that a data set has one of."""
    yield from (Recipe(step, dataset) for step in OF_DATASET)
    yield from (Recipe(step, dataset, workflow=workflow) for step in OF_MATRIX)


def of_variant(dataset: str, variant: str) -> Iterator[Recipe]:
    """Those of the steps that each variant has one of."""
    yield from (Recipe(step, dataset, variant) for step in OF_VARIANT)


def of_report(workflow: Path) -> Iterator[Recipe]:
    """Those of the steps that a matrix has one of."""
    yield from (Recipe(step, workflow=workflow) for step in OF_REPORT)
