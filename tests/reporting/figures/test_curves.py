import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cada.reporting.figures.curves import RANKS, recall_differences, recall_figure, training_figure
from cada.reporting.figures.style import COLOURS, style


def history(**columns: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame({"epoch": [0.5, 1.0], "step": [20, 40], **columns})


def rankings(seed: int, *, better: int = 1) -> list[pd.DataFrame]:
    """Two seeds of 40 queries of 10 persons."""
    random = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([[f"{number}.png" for number in range(20)], [0, 1]], names=["image", "caption"])
    return [
        pd.DataFrame({"person": np.arange(40) // 4, "first_rank": np.maximum(1, random.integers(1, 60, 40) // better)}, index=index)
        for _ in range(2)
    ]


def test_training_curves_are_means_over_seeds() -> None:
    alone = [history(loss_global=[4, 2], val_mAP=[None, 30]), history(loss_global=[2, 1], val_mAP=[None, 40])]
    both = [history(loss_global=[4, 2], loss_ara=[first, 5], val_mAP=[None, score]) for first, score in ((6, 50), (8, 60))]
    histories = {"global": alone, "dual": both}
    with style():
        figure = training_figure(histories)
    assert [axes.get_title() for axes in figure.axes] == ["mAP on val", "Global association loss", "ARA loss"]
    drawn = [[np.asarray(line.get_xydata()).tolist() for line in axes.get_lines()] for axes in figure.axes]
    assert drawn == [[[[1, 35]], [[1, 55]]], [[[0.5, 3], [1, 1.5]], [[0.5, 4], [1, 2]]], [[[0.5, 7], [1, 5]]]]
    assert to_hex(figure.axes[2].get_lines()[0].get_color()) == COLOURS[1].lower()  # dual's, as in the other panels
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["global", "dual"]


def test_means_over_fewer_steps_are_left_out_of_the_objectives() -> None:
    """Logged every 20 steps, and at the end of each epoch of 25."""
    table = pd.DataFrame({"step": [20, 25, 40, 50], "loss_global": [4, 9, 8, 2], "val_mAP": [None, 30, None, 40]})
    with style():
        figure = training_figure({"global": [table.assign(epoch=table["step"] / 25)]})
    drawn = {axes.get_title(): np.asarray(axes.get_lines()[0].get_xydata()).tolist() for axes in figure.axes}
    assert drawn == {"mAP on val": [[1, 30], [2, 40]], "Global association loss": [[0.8, 4]]}


def test_test_has_a_panel_only_where_it_chose() -> None:
    watched = history(loss_global=[4, 2], val_mAP=[None, 30], test_mAP=[None, 20], test_queries=[None, 9])
    with style():
        figure = training_figure({"global": [watched], "published": [history(loss_global=[4, 2], test_mAP=[None, 40])]})
    panels = {axes.get_title(): [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()] for axes in figure.axes}
    (chosen,) = (values for title, values in panels.items() if title.startswith("mAP on test"))
    assert (panels["mAP on val"], chosen) == ([[30]], [[40]])


def test_what_test_chose_has_a_panel_of_its_own() -> None:
    with style():
        figure = training_figure({"published": [history(loss_global=[4, 2], test_mAP=[None, 30])]})
    assert [axes.get_title().partition(",")[0] for axes in figure.axes] == ["mAP on test", "Global association loss"]


def test_recall_differences_are_paired() -> None:
    ours, theirs = rankings(0, better=3), rankings(0)
    for k, difference in zip(RANKS, recall_differences(ours, theirs), strict=True):
        gains = [
            (mine <= k) - int(other <= k)
            for a, b in zip(ours, theirs, strict=True)
            for mine, other in zip(a["first_rank"], b["first_rank"], strict=True)
        ]
        assert difference.mean == pytest.approx(100 * sum(gains) / len(gains))
        assert difference.interval[0] <= difference.mean <= difference.interval[1]


def test_recall_curves_rise_and_have_the_colour_of_their_variant() -> None:
    with style():
        figure = recall_figure({"global": rankings(0), "dual": rankings(1, better=2)})
    left, right = figure.axes
    for line, colour in zip(left.get_lines(), COLOURS, strict=False):
        values = np.asarray(line.get_ydata())
        assert len(values) == len(RANKS) and (np.diff(values) >= 0).all() and 0 <= values[0] <= values[-1] <= 100
        assert to_hex(line.get_color()) == colour.lower()
    assert right.get_title() == "Difference from global" and len(right.collections) == 1
