from pathlib import Path

import pytest
from cada.steps.matrix import reported

from cada.errors import CadaError
from cada.paths import Layout
from cada.reporting.pairs import ablation_pairs

ROOT = Path(__file__).parents[2]


def test_what_the_workflow_file_lists_in_its_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    workflow = tmp_path / "workflow.yaml"
    workflow.write_text("datasets: [smoke]\nvariants: [dual, global, published]\nseeds: [3, 1]\n")
    matrix = reported("smoke", workflow)
    assert list(matrix.titles) == ["dual", "global", "published"] and matrix.titles["global"] == "Global association only"
    assert matrix.objectives["global"] == {"global_"}
    assert matrix.objectives["dual"] == matrix.objectives["published"] == {"global_", "atp", "ara"}
    assert matrix.seeds == (3, 1)
    with pytest.raises(CadaError, match=r"synthpedes: .*workflow\.yaml lists the data sets smoke\. Name one of them"):
        reported("synthpedes", workflow)


def test_a_sweep_is_compared_with_its_first_row_and_has_folders_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sweep = Path("params/sweeps/ara.yaml")
    matrix = reported("synthpedes", sweep)
    first, *others = matrix.titles
    assert len(others) == 5
    assert ablation_pairs(matrix.objectives) == [(other, first) for other in others]
    layout = Layout("synthpedes")
    assert (layout.figures(sweep), layout.figures()) == (Path("results/synthpedes/sweeps/ara/figures"), Path("results/synthpedes/figures"))
