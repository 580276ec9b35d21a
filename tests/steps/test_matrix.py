from pathlib import Path

import pytest

from cada.errors import CadaError
from cada.steps.matrix import reported

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
