"""Cloth on the body: the upper garment with its sleeves, the lower garment, shoes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cada.synthpedes.body import arm_outlines, arm_shade, cut, leg_outline
from cada.synthpedes.canvas import Outline, Pattern
from cada.synthpedes.figure import ANKLE, HIP, SHOULDER, SOLE, Figure
from cada.synthpedes.materials import Material


class Cut(NamedTuple):
    """Where a garment and its sleeves end, how wide it is, and how much wider its hem."""

    hem: int
    sleeve: int | None
    slack: int = 0
    flare: int = 0


CUTS = {
    "tank top": Cut(122, None),
    "t-shirt": Cut(124, 76, 1),
    "shirt": Cut(128, 119, 1),
    "sweater": Cut(123, 119, 2),
    "hoodie": Cut(124, 119, 3),
    "jacket": Cut(120, 119, 3),
    "coat": Cut(150, 120, 3, 6),
    "dress": Cut(166, 66, 0, 12),
}
_CUFFED = ("sweater", "hoodie", "jacket")


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    across = (u + 8 * ((v // 12) & 1)) % 16 - 7
    return across * across + (v % 12 - 6) ** 2 <= 14


PATTERNS: dict[str, Pattern] = {
    "striped": lambda u, v: v % 14 >= 9,
    "checked": lambda u, v: (v % 15 >= 10) | ((u + 3) % 18 >= 13),
    "dotted": _dots,
}


def draw_upper(figure: Figure) -> None:
    """The upper garment on the trunk, without what shows its kind."""
    cut = CUTS[figure.attributes.upper]
    outline = figure.torso(cut.hem, slack=cut.slack, flare=cut.flare)
    if figure.attributes.upper == "tank top":
        figure.canvas.tube(figure.torso(70), Material.SKIN)
        outline = [(48, 0, figure.shoulder - 9), (58, 0, figure.shoulder - 5), *outline[4:]]
    _draw_cloth(figure, outline)


def draw_sleeve(figure: Figure, side: int, *, raised: bool) -> None:
    """The sleeve of one arm, with the garment's pattern and, where it is long, a cuff."""
    kind = figure.attributes.upper
    end, slack, shade = CUTS[kind].sleeve, 1 + CUTS[kind].slack // 2, arm_shade(figure, side)
    if end is None:
        return
    outlines = arm_outlines(figure, side, slack=slack, raised=raised)
    for outline in outlines if end > 100 else [cut(outlines[0], SHOULDER - 1, end)]:
        _draw_cloth(figure, outline, shade=shade - 1)
    if not raised and kind in _CUFFED:
        y, x, half = outlines[0][-1]
        figure.canvas.tube([(y - 6, x, half), (y, x, half)], Material.UPPER, shade=shade - 9)


def _draw_cloth(figure: Figure, outline: Outline, *, shade: int = 0) -> None:
    """A piece of the upper garment, in its pattern."""
    pattern = PATTERNS.get(figure.attributes.pattern)
    figure.canvas.tube(outline, Material.UPPER, second=Material.PATTERN, pattern=pattern, folds=figure.folds, shade=shade)


def draw_lower(figure: Figure) -> None:
    """Pants, jeans, shorts or a skirt, over bare legs; nothing under a dress."""
    kind = figure.attributes.lower
    if kind in ("skirt", "long skirt"):
        _skirt(figure, *((214, 10) if kind == "long skirt" else (164, 9)))
    elif kind is not None:
        _trousers(figure, kind)


def _trousers(figure: Figure, kind: str) -> None:
    tube = figure.canvas.tube
    bottom, *cloth = {"shorts": (166, 14, 15, 15), "jeans": (ANKLE + 4, 14, 11, 9), "pants": (ANKLE + 7, 14, 11, 10)}[kind]
    hip, knee, ankle = map(figure.thick, cloth)
    for leg in figure.legs():
        outline = leg_outline(figure, leg, 118, bottom, (hip, knee, ankle))
        tube(outline, Material.LOWER, folds=figure.folds, shade=leg.shade)
        if kind == "jeans":
            y, x, half = outline[-1]
            worn = [(y, x, half * 2 // 5) for y, x, half in cut(outline, 132, 176)]
            tube(worn, Material.LOWER, shade=leg.shade + 6, flat=True)
            tube([(y - 7, x, half + 2), (y, x, half + 2)], Material.LOWER, shade=leg.shade + 13)
    tube([(100, 0, figure.waist), (110, 0, figure.hip - 1), (HIP, 0, figure.hip), (130, 0, figure.hip)], Material.LOWER)
    if not figure.sideways:
        tube([(130, 0, 1), (150, 0, 1)], Material.LOWER, shade=-18, flat=True)
        top = 126 if figure.pose.view == "back" else 122
        for x in (-figure.hip // 2, figure.hip // 2) if kind == "jeans" else ():
            tube([(top, x, 6), (top + 8, x, 4)], Material.LOWER, shade=-7)


def _skirt(figure: Figure, bottom: int, flare: int) -> None:
    spread, width = figure.pose.stride // 2 if figure.sideways else 0, figure.hip + flare
    outline = [(100, 0, figure.waist), (HIP, 0, figure.hip + 1), (140, 0, figure.hip + 1 + flare // 2 + spread // 3)]
    figure.canvas.tube([*outline, (bottom, 0, width + spread)], Material.LOWER, folds=figure.folds)
    for x in (-2, 0, 2):
        figure.canvas.tube([(HIP + 4, x * width // 5, 1), (bottom, x * width // 4, 2)], Material.LOWER, shade=-9, flat=True)


def draw_shoes(figure: Figure) -> None:
    """Sneakers with a pale sole, boots up the calf, or plain shoes."""
    tube = figure.canvas.tube
    for leg in figure.legs():
        x, bottom = leg.foot_x, SOLE - leg.lift
        if figure.attributes.shoes == "boots":
            boot = leg_outline(figure, leg, 196, ANKLE + 8, (14, figure.thick(12), figure.thick(10)))
            tube(boot, Material.SHOES, shade=leg.shade)
        if figure.sideways:
            shoe = [(bottom - 16, x - 2, 7), (bottom - 9, x + 2, 11), (bottom - 4, x + 5, 15), (bottom, x + 5, 16)]
        else:
            toe = 1 if x > 0 else -1
            shoe = [(bottom - 16, x, 7), (bottom - 8, x + toe, 9), (bottom, x + toe * 2, 10)]
        tube(shoe, Material.SHOES, shade=leg.shade)
        tube(cut(shoe, bottom - 4, bottom), Material.SOLE, shade=leg.shade, flat=True)
