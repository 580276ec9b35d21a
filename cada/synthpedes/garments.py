"""Cloth on the body: the cut of the upper garment with its sleeves, the lower garment, shoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cada.synthpedes.body import FAR, arm_outlines, cut, leg_outline
from cada.synthpedes.canvas import Outline, Pattern
from cada.synthpedes.figure import ANKLE, HIP, SHOULDER, Figure
from cada.synthpedes.materials import Material


@dataclass(frozen=True)
class Cut:
    """Where a garment ends and how it sits."""

    hem: int
    sleeve: int | None
    slack: int = 0
    flare: int = 0


CUTS = {
    "tank top": Cut(hem=122, sleeve=None),
    "t-shirt": Cut(hem=124, sleeve=76, slack=1),
    "shirt": Cut(hem=128, sleeve=119, slack=1),
    "sweater": Cut(hem=123, sleeve=119, slack=2),
    "hoodie": Cut(hem=124, sleeve=119, slack=3),
    "jacket": Cut(hem=120, sleeve=119, slack=3),
    "coat": Cut(hem=150, sleeve=120, slack=3, flare=6),
    "dress": Cut(hem=166, sleeve=66, flare=12),
}


def _stripes(_u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return v % 14 >= 9


def _checks(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (v % 15 >= 10) | ((u + 3) % 18 >= 13)


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    across = (u + 8 * ((v // 12) & 1)) % 16 - 7
    down = v % 12 - 6
    return across * across + down * down <= 14


PATTERNS: dict[str, Pattern] = {"striped": _stripes, "checked": _checks, "dotted": _dots}


def draw_lower(figure: Figure) -> None:
    """Pants, jeans, shorts or a skirt, over bare legs; nothing under a dress."""
    kind = figure.attributes.lower
    if kind in ("skirt", "long skirt"):
        _skirt(figure, long=kind == "long skirt")
    elif kind is not None:
        _trousers(figure, kind)


def _trousers(figure: Figure, kind: str) -> None:
    tube, thick = figure.canvas.tube, figure.thick
    bottom = {"shorts": 166, "jeans": ANKLE + 4, "pants": ANKLE + 7}[kind]
    widths = (thick(14), thick(15), thick(15)) if kind == "shorts" else (thick(14), thick(11), thick(9 if kind == "jeans" else 10))
    for leg in (0, 1):
        shade = FAR if figure.sideways and leg == 0 else 0
        outline = leg_outline(figure, leg, 118, bottom, widths)
        tube(outline, Material.LOWER, folds=figure.folds, shade=shade)
        if kind == "jeans":
            worn = cut(outline, 132, 176)
            tube([(y, x, half * 2 // 5) for y, x, half in worn], Material.LOWER, shade=shade + 6, flat=True)
            y = outline[-1][0]
            tube([(y - 7, outline[-1][1], outline[-1][2] + 2), (y, outline[-1][1], outline[-1][2] + 2)], Material.LOWER, shade=shade + 13)
    tube([(100, 0, figure.waist), (110, 0, figure.hip - 1), (HIP, 0, figure.hip), (130, 0, figure.hip)], Material.LOWER)
    if not figure.sideways:
        tube([(130, 0, 1), (150, 0, 1)], Material.LOWER, shade=-18, flat=True)
        if kind == "jeans":
            for x in (-1, 1):
                top, depth = (126, 134) if figure.pose.view == "back" else (122, 130)
                tube([(top, x * figure.hip // 2, 6), (depth, x * figure.hip // 2, 4)], Material.LOWER, shade=-7)


def _skirt(figure: Figure, *, long: bool) -> None:
    bottom, flare = (214, 10) if long else (164, 9)
    spread = figure.pose.stride // 2 if figure.sideways else 0
    outline = [
        (100, 0, figure.waist),
        (HIP, 0, figure.hip + 1),
        (140, 0, figure.hip + 1 + flare // 2 + spread // 3),
        (bottom, 0, figure.hip + flare + spread),
    ]
    figure.canvas.tube(outline, Material.LOWER, folds=figure.folds)
    for x in (-2, 0, 2):
        width = figure.hip + flare
        figure.canvas.tube([(HIP + 4, x * width // 5, 1), (bottom, x * width // 4, 2)], Material.LOWER, shade=-9, flat=True)


def draw_shoes(figure: Figure) -> None:
    """Sneakers with a pale sole, boots up the calf, or plain shoes."""
    tube, kind = figure.canvas.tube, figure.attributes.shoes
    for leg in (0, 1):
        _, x, lift = figure.legs()[leg]
        shade = FAR if figure.sideways and leg == 0 else 0
        bottom = 239 - lift
        if kind == "boots":
            tube(leg_outline(figure, leg, 196, ANKLE + 8, (14, figure.thick(12), figure.thick(10))), Material.SHOES, shade=shade)
        if figure.sideways:
            shoe = [(bottom - 16, x - 2, 7), (bottom - 9, x + 2, 11), (bottom - 4, x + 5, 15), (bottom, x + 5, 16)]
        else:
            toe = 1 if x > 0 else -1
            shoe = [(bottom - 16, x, 7), (bottom - 8, x + toe, 9), (bottom, x + toe * 2, 10)]
        tube(shoe, Material.SHOES, shade=shade)
        sole = cut(shoe, bottom - 4, bottom)
        tube(sole, Material.SOLE, shade=shade, flat=True)


def draw_sleeve(figure: Figure, side: int, *, raised: bool) -> None:
    """The sleeve of one arm, with the garment's pattern and, where it is long, a cuff."""
    kind = figure.attributes.upper
    end, slack = CUTS[kind].sleeve, 1 + CUTS[kind].slack // 2
    if end is None:
        return
    shade = FAR if figure.sideways and side < 0 else 0
    outlines = arm_outlines(figure, side, slack=slack, raised=raised)
    if end < 100:
        outlines = [cut(outlines[0], SHOULDER - 1, end)]
    for outline in outlines:
        draw_cloth(figure, outline, shade=shade - 1)
    if end > 100 and not raised and kind in ("sweater", "hoodie", "jacket"):
        y, x, half = outlines[0][-1]
        figure.canvas.tube([(y - 6, x, half), (y, x, half)], Material.UPPER, shade=shade - 9)


def draw_cloth(figure: Figure, outline: Outline, *, shade: int = 0) -> None:
    """A piece of the upper garment, in its pattern."""
    pattern = PATTERNS.get(figure.attributes.pattern)
    figure.canvas.tube(outline, Material.UPPER, second=Material.PATTERN, pattern=pattern, folds=figure.folds, shade=shade)
