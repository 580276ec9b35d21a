"""What a data set's tables and figures show: the variants and seeds that the workflow file lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cada import config
from cada.errors import CadaError


@dataclass(frozen=True)
class Reported:
    """Variants by name, in the workflow file's order, with what is said and compared of them."""

    titles: dict[str, str]
    objectives: dict[str, frozenset[str]]
    seeds: tuple[int, ...]


def reported(dataset: str, workflow: Path) -> Reported:
    """The matrix of one data set. Errors: `CadaError` where the workflow file does not list the data set."""
    matrix = config.load_workflow(workflow)
    if dataset not in matrix.datasets:
        raise CadaError(f"{dataset}: {workflow} lists the data sets {', '.join(matrix.datasets)}. Name one of them, or add this one.")
    variants = {name: config.load_variant(name) for name in matrix.rows}
    return Reported(
        titles={name: variant.title for name, variant in variants.items()},
        objectives={name: variant.objectives for name, variant in variants.items()},
        seeds=tuple(matrix.seeds),
    )
