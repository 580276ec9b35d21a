"""`cada recipes`: which recipes a call brings up to date, and that those which changed are printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cada.steps.recipes import write_recipes
from tests.tracked import copy_tracked

SMOKE = Path("params/smoke/workflow.yaml")


@pytest.fixture(autouse=True)
def in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_tracked("params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)


def test_what_changed_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(dataset: str | None, variant: str | None) -> set[str]:
        write_recipes(dataset, variant, workflow=SMOKE)
        return set(capsys.readouterr().out.splitlines())

    of_one, of_set, of_all = (printed(*names) for names in (("smoke", "dual"), ("smoke", None), (None, None)))
    assert {Path(name).stem for name in of_set} >= {"data", "phrases", "initial"}
    assert len(of_one) > 1 and of_all and not of_one & of_set and not of_all & (of_one | of_set)
    assert printed(None, None) == set()
    path = Path("params/smoke/evaluate.yaml")
    path.write_text(path.read_text().replace("top_k: ", "top_k: 1"))
    changed = {name.removeprefix("results/smoke/recipes/") for name in printed("smoke", "dual")}
    assert any("evaluate" in name for name in changed) and not any("train" in name for name in changed)
