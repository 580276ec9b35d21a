"""A handful of the rounds of `make faults`, on the first three steps: what is interrupted or refused is done again, with the same bytes."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import line, one_round
from tests.faults.kinds import KINDS, possible
from tests.faults.whole import Whole

STEPS = ("data", "phrases", "initial")
HANDFUL = ("SIGKILL to a step", "SIGTERM to a step", "an OOM kill", "no locks", "the disk is full", "a damaged input", "a damaged state")


@pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and mounts are Linux's")
def test_a_handful_of_faults_loses_nothing(tmp_path: Path) -> None:
    whole = Whole.of_steps(tmp_path / "whole", STEPS)
    kinds = [kind for kind in HANDFUL if kind in possible()]
    outcomes = [one_round(number, whole, random.Random(f"test/{number}"), [kind]) for number, kind in enumerate(kinds)]
    assert not any(outcome.lost for outcome in outcomes), "\n".join(map(line, outcomes))


def test_what_this_user_may_not_do_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert set(KINDS) - set(possible()) == {"the disk is full", "results are read-only", "an OOM kill"}
