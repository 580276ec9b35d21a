"""The tube painter against plain loops."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from cada.synthpedes.canvas import LEVELS, NEUTRAL, UNIT, Canvas


def spans(outline: list[tuple[int, int, int]], x: int, y: int, scale: int) -> dict[int, tuple[float, float]]:
    """Row to (left, right) edges in pixels, in exact fractions."""
    found = {}
    for (y0, c0, h0), (y1, c1, h1) in pairwise(outline):
        top, bottom = y + y0 * scale // UNIT, y + y1 * scale // UNIT
        for row in range(top, bottom):
            part = (row - top) / (bottom - top)
            centre, half = (c0 + (c1 - c0) * part) * scale / UNIT + x, (h0 + (h1 - h0) * part) * scale / UNIT
            found[row] = (centre - half, centre + half)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_tube_covers_what_its_outline_says(seed: int) -> None:
    """All pixels well inside are painted and none well outside; a third of a pixel at the edge is free."""
    draw = random.Random(seed)
    outline = [(y * 9 + draw.randint(0, 5), draw.randint(-12, 12), draw.randint(1, 14)) for y in range(draw.randint(2, 6))]
    x, y, scale = draw.randint(-4, 44), draw.randint(-12, 24), draw.randint(600, 1500)
    canvas = Canvas(48, 40)
    canvas.place(x, y, scale)
    canvas.tube(outline, 3)
    edges = spans(outline, x, y, scale)
    for row in range(48):
        left, right = edges.get(row, (0.0, -1.0))
        for column in range(40):
            painted = canvas.code[row, column] // LEVELS == 3
            middle = column + 0.5
            if left + 0.4 < middle < right - 0.4:
                assert painted, (row, column)
            if row not in edges or middle < left - 0.4 or middle > right + 0.4:
                assert not painted, (row, column)


def test_a_tube_beside_the_canvas_paints_nothing() -> None:
    canvas = Canvas(20, 20)
    for x, y in ((-40, 5), (60, 5), (5, -60), (5, 60)):
        canvas.place(x, y, UNIT)
        canvas.tube([(0, 0, 5), (10, 0, 5)], 1)
    assert not canvas.code.any()


@pytest.mark.parametrize("side", [-1, 0, 1])
def test_light_falls_from_its_side(side: int) -> None:
    canvas = Canvas(1, 41)
    canvas.light_from(side)
    canvas.place(20, 0, UNIT)
    canvas.tube([(0, 0, 20), (1, 0, 20)], 0)
    row = canvas.code[0, 1:40].astype(int)
    brightest = np.flatnonzero(row == row.max()).mean() - 19
    assert round(brightest / 9) == side
    assert row.max() > NEUTRAL > row.min()


def test_shade_never_changes_the_material() -> None:
    folds = np.tile(np.array([-8, 8], dtype=np.int16), 32)
    for shade in (-60, -18, 0, 18, 60):
        canvas = Canvas(30, 30)
        canvas.place(15, 0, UNIT)
        canvas.tube([(0, 0, 15), (30, 0, 15)], 5, shade=shade, folds=folds)
        assert set(np.unique(canvas.code // LEVELS)) <= {0, 5}


def test_pattern_shows_the_second_material() -> None:
    canvas = Canvas(12, 10)
    canvas.place(5, 0, UNIT)
    canvas.tube([(0, 0, 5), (12, 0, 5)], 1, second=2, pattern=lambda u, v: v % 4 >= 2)
    assert [int(code) // LEVELS for code in canvas.code[:, 5]] == [1, 1, 2, 2] * 3


def test_darken_stops_at_black() -> None:
    canvas = Canvas(2, 2)
    canvas.box(0, 2, 0, 2, 7, light=5)
    canvas.darken(0, 1, 0, 2, 9)
    assert canvas.code.tolist() == [[7 * LEVELS, 7 * LEVELS], [7 * LEVELS + 5, 7 * LEVELS + 5]]


def test_neutral_light_shows_the_colour_itself() -> None:
    canvas = Canvas(1, 2)
    canvas.box(0, 1, 0, 1, 0)
    canvas.box(0, 1, 1, 2, 1)
    colours = np.array([(10, 20, 30), (200, 100, 255)])
    assert canvas.coloured(colours)[0, :, :3].tolist() == colours.tolist()
