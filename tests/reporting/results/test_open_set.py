from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cada.reporting.results.metrics import read_metrics
from cada.steps.release import open_set_of
from tests.reporting import conftest


def test_a_release_knows_what_val_says(write_metrics: Callable[..., Path]) -> None:
    file = read_metrics(write_metrics("dual", 0, {"cosine": 40, "calibrated": 43, "published": 41}), "toy", "dual", 0)
    known, told = open_set_of(file), conftest.open_set_of(43)["val"]
    assert known is not None and file.open_set is not None
    read = known.as_json()
    assert read.pop("nonmated") == pytest.approx(told["nonmated"])
    assert read == {name: told[name] for name in read}
    assert file.open_set.predicted == pytest.approx((60 * 10 + 36 * 60) / 96)


def test_where_val_is_test_it_knows_nothing(write_metrics: Callable[..., Path]) -> None:
    assert open_set_of(read_metrics(write_metrics("dual", 0, {"cosine": 40}, val="test"), "toy", "dual", 0)) is None
