"""Upper garment, lower garment, shoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cada.data.synthpedes.body import FAR, arm_outlines, cut, leg_outline
from cada.data.synthpedes.canvas import Pattern
from cada.data.synthpedes.figure import ANKLE, HIP, SHOULDER, Figure
from cada.data.synthpedes.materials import Material


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
    "coat": Cut(hem=172, sleeve=120, slack=3, flare=6),
    "dress": Cut(hem=166, sleeve=66, flare=12),
}


def _stripes(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return v % 14 >= 8


def _checks(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (v % 15 >= 10) | ((u + 36) % 18 >= 13)


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    across = (u + 32 + 8 * ((v // 12) & 1)) % 16 - 6
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
    outline = [(100, 0, figure.waist), (HIP, 0, figure.hip + 1), (140, 0, figure.hip + 1 + flare // 2 + spread // 3), (bottom, 0, figure.hip + flare + spread)]
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
            tube(leg_outline(figure, leg, 196, ANKLE + 8, (14, figure.thick(10), figure.thick(9))), Material.SHOES, shade=shade)
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
        _cloth(figure, outline, shade=shade - 1)
    if end > 100 and not raised and kind in ("sweater", "hoodie", "jacket"):
        y, x, half = outlines[0][-1]
        figure.canvas.tube([(y - 6, x, half), (y, x, half)], Material.UPPER, shade=shade - 9)


def draw_upper(figure: Figure) -> None:
    """The garment on the trunk, with what shows its kind: neckline, collar, buttons, hood, pocket, open front."""
    kind = figure.attributes.upper
    shape = CUTS[kind]
    outline = figure.torso(shape.hem, slack=shape.slack, flare=shape.flare)
    if kind == "tank top":
        outline = [(48, 0, figure.shoulder - 9), (58, 0, figure.shoulder - 5), *outline[4:]]
        figure.canvas.tube(figure.torso(70), Material.SKIN)
    _cloth(figure, outline)
    {"front": _front, "back": _back, "side": _side}[figure.pose.view](figure, kind, shape)


def _cloth(figure: Figure, outline: list[tuple[int, int, int]], *, shade: int = 0) -> None:
    pattern = PATTERNS.get(figure.attributes.pattern)
    figure.canvas.tube(outline, Material.UPPER, second=Material.PATTERN, pattern=pattern, folds=figure.folds, shade=shade)


def _hem(figure: Figure, shape: Cut) -> None:
    """A ribbed band."""
    width = figure.hip + shape.slack
    figure.canvas.tube([(shape.hem - 6, 0, width), (shape.hem, 0, width - 1)], Material.UPPER, shade=-10)


def _front(figure: Figure, kind: str, shape: Cut) -> None:
    tube = figure.canvas.tube
    if kind in ("t-shirt", "sweater", "dress"):
        tube([(41, 0, 8), (45, 0, 7), (49, 0, 3)], Material.SKIN, shade=-3)
    if kind == "tank top":
        tube([(46, 0, 9), (54, 0, 8), (62, 0, 4)], Material.SKIN)
        for x in (-1, 1):
            tube([(43, x * 11, 3), (58, x * 13, 4)], Material.UPPER)
    if kind in ("sweater", "hoodie"):
        _hem(figure, shape)
    if kind == "shirt":
        tube([(41, 0, 5), (48, 0, 2)], Material.SKIN, shade=-3)
        for x in (-1, 1):
            tube([(39, x * 7, 3), (44, x * 7, 4), (51, x * 5, 1)], Material.UPPER, shade=10)
        tube([(50, 0, 2), (shape.hem, 0, 2)], Material.UPPER, shade=-8, flat=True)
        for y in range(56, shape.hem, 13):
            tube([(y, 0, 1), (y + 3, 0, 1)], Material.BUCKLE, flat=True)
    if kind == "hoodie":
        for x in (-1, 1):
            tube([(36, x * 12, 4), (44, x * 10, 6), (54, x * 4, 3)], Material.UPPER, shade=-8)
            tube([(52, x * 4, 1), (72, x * 5, 1)], Material.SOLE if figure.attributes.upper_colour != "white" else Material.METAL, flat=True)
        tube([(94, 0, 11), (98, 0, 14), (114, 0, 17)], Material.UPPER, shade=-7)
        tube([(97, 0, 12), (114, 0, 15)], Material.UPPER, shade=-1)
    if kind == "jacket":
        tube([(42, 0, 5), (60, 0, 6), (shape.hem, 0, 8)], Material.INNER, folds=figure.folds)
        tube([(41, 0, 5), (47, 0, 3)], Material.SKIN, shade=-3)
        for x in (-1, 1):
            tube([(39, x * 8, 4), (52, x * 9, 4), (66, x * 7, 1)], Material.UPPER, shade=9)
            tube([(64, x * 8, 1), (shape.hem, x * 10, 1)], Material.UPPER, shade=-16, flat=True)
        _hem_sides(figure, shape)
    if kind == "coat":
        tube([(41, 0, 6), (54, 0, 2)], Material.INNER)
        for x in (-1, 1):
            tube([(38, x * 8, 4), (50, x * 9, 6), (70, x * 3, 1)], Material.UPPER, shade=9)
            tube([(122, x * 16, 6), (125, x * 16, 6)], Material.UPPER, shade=-14, flat=True)
        tube([(70, 0, 1), (shape.hem, 0, 1)], Material.UPPER, shade=-18, flat=True)
        for y in range(74, 150, 18):
            tube([(y, 4, 2), (y + 4, 4, 2)], Material.METAL, flat=True)
    if kind == "dress":
        tube([(WAIST_LINE, 0, figure.waist + 3), (WAIST_LINE + 5, 0, figure.waist + 3)], Material.UPPER, shade=-14)
    if figure.attributes.pattern == "print":
        _print(figure)


WAIST_LINE = 96


def _print(figure: Figure) -> None:
    """A round badge with a bar on the chest."""
    tube = figure.canvas.tube
    tube([(60, 0, 5), (64, 0, 11), (74, 0, 13), (84, 0, 11), (88, 0, 5)], Material.PATTERN, flat=True)
    tube([(72, 0, 8), (77, 0, 8)], Material.UPPER, flat=True)


def _hem_sides(figure: Figure, shape: Cut) -> None:
    width = figure.hip + shape.slack
    for x in (-1, 1):
        half = (width - 9) // 2
        figure.canvas.tube([(shape.hem - 6, x * (9 + half), half), (shape.hem, x * (9 + half), half)], Material.UPPER, shade=-10)


def _back(figure: Figure, kind: str, shape: Cut) -> None:
    tube = figure.canvas.tube
    if kind in ("shirt", "jacket", "coat"):
        tube([(38, 0, 9), (44, 0, 12)], Material.UPPER, shade=8)
    if kind in ("sweater", "hoodie", "jacket"):
        _hem(figure, shape)
    if kind == "hoodie":
        tube([(38, 0, 12), (44, 0, 16), (56, 0, 14), (64, 0, 6)], Material.UPPER, shade=-9)
        tube([(38, 0, 11), (43, 0, 14), (53, 0, 12), (60, 0, 5)], Material.UPPER, shade=2)
    if kind == "tank top":
        tube([(44, 0, 8), (56, 0, 7), (60, 0, 4)], Material.SKIN, shade=-2)
        for x in (-1, 1):
            tube([(43, x * 11, 3), (58, x * 13, 4)], Material.UPPER)
    if kind == "coat":
        tube([(110, 0, 1), (shape.hem, 0, 1)], Material.UPPER, shade=-14, flat=True)
        tube([(94, 0, figure.waist + 4), (99, 0, figure.waist + 4)], Material.UPPER, shade=-12)
    if kind == "dress":
        tube([(WAIST_LINE, 0, figure.waist + 3), (WAIST_LINE + 5, 0, figure.waist + 3)], Material.UPPER, shade=-14)


def _side(figure: Figure, kind: str, shape: Cut) -> None:
    tube = figure.canvas.tube
    if kind in ("shirt", "jacket", "coat"):
        tube([(38, 1, 8), (45, 1, 9)], Material.UPPER, shade=8)
    if kind in ("sweater", "hoodie", "jacket"):
        _hem(figure, shape)
    if kind == "hoodie":
        tube([(34, -9, 4), (42, -10, 9), (54, -11, 8), (60, -10, 4)], Material.UPPER, shade=-6)
    if kind in ("jacket", "coat"):
        x = figure.chest - 1
        tube([(50, x - 2, 1), (70, x, 2), (shape.hem, figure.hip - 1, 2)], Material.INNER if kind == "jacket" else Material.UPPER, shade=-8)
    if kind == "dress":
        tube([(WAIST_LINE, 0, figure.waist + 3), (WAIST_LINE + 5, 0, figure.waist + 3)], Material.UPPER, shade=-14)


