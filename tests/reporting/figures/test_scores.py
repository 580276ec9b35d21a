from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex

from cada.reporting.figures.scores import ablation_figure, pairs_figure
from cada.reporting.figures.style import style
from cada.reporting.results.metrics import read_variants
from cada.reporting.statistics import established
from cada.reporting.tables.cells import frame
from cada.reporting.tables.pairs import NUMBERS
from cada.retrieval.metrics import METRICS


def test_each_row_has_its_seeds_its_mean_and_its_interval(write_metrics: Callable[..., Path], tmp_path: Path) -> None:
    for seed, value in enumerate((40.0, 44.0)):
        write_metrics("dual", seed, {"cosine": value, "calibrated": value + 3, "published": value + 1})
    with style():
        figure = ablation_figure(read_variants("toy", [("dual", "+ ATP + ARA")], [0, 1], tmp_path / "metrics"))
    assert [axes.get_title() for axes in figure.axes] == ["R@1, %", "mAP, %"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["dual, cosine", "dual, calibrated *", "dual, published"]
    for axes in figure.axes:
        interval, seeds, mean = axes.get_lines()[3:6]  # of the second row
        assert np.asarray(interval.get_xydata()).tolist() == [[43, 1], [47, 1]]
        assert np.asarray(seeds.get_xydata()).tolist() == [[43, 1], [47, 1]]
        assert np.asarray(mean.get_xydata()).tolist() == [[45, 1]]


def test_a_mark_is_filled_where_the_interval_does_not_hold_zero() -> None:
    def pair(score: str, *numbers: float) -> dict[str, object]:
        own = dict(zip(NUMBERS, (*numbers, *numbers[1:], established(*numbers[1:])), strict=True))
        labels = {"score": score, "variant": "dual", "reference": "global", "variant_score": "x", "reference_score": "y"}
        return labels | {f"{metric}_{name}": number for metric in METRICS for name, number in own.items()}

    pairs = [pair("headline", 2, 1, 3), pair("headline", -2, -3, 0.5), pair("cosine", 1, -1, 2)]
    with style():
        figure = pairs_figure(frame(pairs, pairs[0]))
    for axes in figure.axes:
        zero, *lines = axes.get_lines()
        assert zero.get_xdata() == [0, 0]
        marks = lines[1::2]
        assert [list(np.asarray(mark.get_xydata())[0]) for mark in marks] == [[2, 0], [-2, 1], [1, 2]]
        assert [to_hex(str(mark.get_markerfacecolor())) == "#ffffff" for mark in marks] == [False, True, True]
        assert [text.get_text() for text in axes.texts] == ["+2.0", "\N{MINUS SIGN}2.0", "+1.0"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["dual (x) \N{MINUS SIGN} global (y)"] * 3
