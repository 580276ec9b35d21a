"""`cada resume`: of which training, and what is said where there is no state."""

from __future__ import annotations

from pathlib import Path

import pytest

from cada.steps.resume import resume
from tests.messages import refused
from tests.tracked import copy_tracked


@pytest.fixture(autouse=True)
def in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_tracked("params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)


def test_without_a_state_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    resume("smoke", "dual", 0, None)
    resume("start", None, None, None)  # of its pre-training
    assert capsys.readouterr().out.splitlines() == ["smoke/dual/0 has no state.", "start/initial/0 has no state."]
    with refused("0123456789ab", "smoke/dual/0", "none"):
        resume("smoke", "dual", 0, "0123456789ab")


def test_a_training_has_a_seed_and_not_every_set_a_pre_training() -> None:
    with refused("--seed", "missing"):
        resume("smoke", "dual", None, None)
    with refused("params/synthpedes/initial.yaml", "variant"):
        resume("synthpedes", None, None, None)
