"""Which recipes a matrix has, and where each of them lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from cada.config import Workflow
from cada.recipes import recipes_of

MATRIX = Workflow(datasets=("synthpedes", "rstpreid"), variants=("atp", "dual"), seeds=(0,))
OF_DATASET = {"data", "phrases", "initial"}
OF_VARIANT = {"train", "evaluate", "probe", "associate", "transfer/{other}"}
OF_MATRIX = {"tables", "figures", "attention", "probe-tables", "association-tables", "chapter", "release"}


@pytest.mark.parametrize(("workflow", "place"), [("params/workflow.yaml", ""), ("params/sweeps/ara.yaml", "sweeps/ara/")])
def test_a_matrix_has_every_recipe_once_and_a_sweep_its_own_where_it_shows_results(workflow: str, place: str) -> None:
    expected = {f"{place}recipes/{name}.json" for name in ("report", "transfer-tables")}
    for dataset, other in (MATRIX.datasets, MATRIX.datasets[::-1]):
        expected |= {f"{dataset}/recipes/{step}.json" for step in OF_DATASET}
        expected |= {f"{dataset}/recipes/{step}/{variant}.json".format(other=other) for step in OF_VARIANT for variant in MATRIX.variants}
        expected |= {f"{dataset}/{place}recipes/{step}.json" for step in OF_MATRIX}
    found = [str(recipe.path.relative_to("results")) for recipe in recipes_of(MATRIX, Path(workflow))]
    assert sorted(found) == sorted(expected)
