from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cada.reporting.figures.open_set import open_set_figure
from cada.reporting.figures.style import style
from cada.reporting.results.metrics import read_variants

Write = Callable[..., Path]


def test_curves_marks_and_reliability_are_those_of_the_files(write_metrics: Write, tmp_path: Path) -> None:
    for seed, value in enumerate((40.0, 44.0)):
        write_metrics("global", seed, {"cosine": value})
        write_metrics("dual", seed, {"cosine": value, "calibrated": value + 3, "published": value + 1})
    variants = read_variants("toy", [("global", "Global only"), ("dual", "+ ATP + ARA")], [0, 1], tmp_path / "metrics")
    with style():
        left, right = open_set_figure(variants).axes
    drawn = [np.asarray(line.get_xydata()).tolist() for line in left.get_lines()]
    for place, tpir in enumerate((42, 45)):
        curve, mark = drawn[2 * place : 2 * place + 2]
        assert curve == [[10, tpir], [31, tpir + 10], [100, 90]] and mark == [[8, tpir]]
    assert left.get_xscale() == "log" and left.get_xlim() == (10, 100)
    diagonal, *lines = [np.asarray(line.get_xydata()).tolist() for line in right.get_lines()]
    assert diagonal == [[0, 0], [100, 100]]
    assert lines == [[[10, 5], [60, 70]]] * 4


@pytest.mark.parametrize("val", ["test", "held_out"])
def test_without_thresholds_of_an_own_val_it_is_a_message(write_metrics: Write, tmp_path: Path, val: str) -> None:
    write_metrics("global", 0, {"cosine": 40}, val=val)
    with style():
        figure = open_set_figure(read_variants("toy", [("global", "Global only")], [0], tmp_path / "metrics"))
    assert bool(figure.axes) == (val == "held_out") and (not figure.axes) == bool(figure.texts)
