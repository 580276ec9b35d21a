from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cada.reporting.figures.ranked_lists import LISTS, RankedList, draw_lists, failures, lists_figure, successes
from cada.reporting.figures.style import QUIET, RIGHT, WRONG, style
from cada.reporting.results.rankings import read_rankings
from tests.messages import carries


@pytest.fixture
def table(write_rankings: Callable[..., Path], tmp_path: Path) -> pd.DataFrame:
    """80 queries of 20 persons."""
    ranks = np.random.default_rng(0).choice([1, 1, 5, 10, 11, 50], 80)
    write_rankings("dual", 0, ranks.tolist())
    return read_rankings("toy", ["dual"], [0], tmp_path / "rankings")["dual"][0]


@pytest.mark.parametrize(("among", "fits"), [(successes, lambda rank: rank == 1), (failures, lambda rank: rank > 10)])
def test_lists_are_drawn_from_different_persons(
    table: pd.DataFrame, among: Callable[[pd.DataFrame], np.ndarray], fits: Callable[[int], bool]
) -> None:
    captions = {(image, number): f"{image} {number}" for image, number in table.index}
    drawn = draw_lists(table, among(table), captions)
    assert len(drawn) == LISTS == len({found.person for found in drawn})
    for found in drawn:
        assert fits(found.first_rank)
        image, number = found.caption.rsplit(maxsplit=1)
        row = table.loc[(image, int(number))]
        assert (found.image, found.person, found.first_rank) == (image, row["person"], row["first_rank"])
        assert found.found == tuple(row["top"][:10])
    assert drawn == draw_lists(table, among(table), captions)
    assert drawn != draw_lists(table, among(table), captions, seed=1)


def test_every_query_has_the_same_chance(table: pd.DataFrame) -> None:
    """Not the first, best or worst ones."""
    captions = dict.fromkeys(table.index, "")
    mine = failures(table)
    seen = {(found.image, found.first_rank) for seed in range(200) for found in draw_lists(table, mine, captions, seed=seed)}
    rows = table[mine].reset_index()
    assert seen == set(zip(rows["image"], rows["first_rank"], strict=True))


def test_right_images_are_framed_and_ticked() -> None:
    found = RankedList("A $5 hat.", "0.png", 0, 7, 2, tuple(f"{number}.png" for number in range(10)))
    persons = {f"{number}.png": 7 if number in (0, 1, 9) else 100 for number in range(10)}
    with style():
        figure = lists_figure([found], persons, lambda _: np.zeros((4, 2, 3), dtype=np.uint8))
        figure.canvas.draw()
    panel, own, *images = figure.axes
    assert carries(panel.get_title(loc="left"), "“A $5 hat.”", "rank 2")
    assert to_hex(own.spines["top"].get_edgecolor()) == QUIET.lower()
    marks = [image.get_title() for image in images]
    assert marks == [f"{rank} {'✓' if rank in (1, 2, 10) else '✗'}" for rank in range(1, 11)]
    frames = [to_hex(image.spines["top"].get_edgecolor()) for image in images]
    assert frames == [(RIGHT if rank in (1, 2, 10) else WRONG).lower() for rank in range(1, 11)]
