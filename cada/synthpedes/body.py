"""Legs and arms: their outlines, for the skin and for the cloth on it."""

from __future__ import annotations

from itertools import pairwise

from cada.synthpedes.canvas import Outline
from cada.synthpedes.figure import ANKLE, FAR, KNEE, SHOULDER, Figure, Leg
from cada.synthpedes.materials import Material


def leg_outline(figure: Figure, leg: Leg, top: int, bottom: int, widths: tuple[int, int, int]) -> Outline:
    """A leg, or the cloth on it, from `top` to `bottom`; half widths at hip, knee and ankle."""
    ends = (
        (112, leg.hip_x, widths[0]),
        (KNEE - leg.lift, (leg.hip_x + leg.foot_x) // 2 + (3 if figure.sideways else 0), widths[1]),
        (ANKLE + 6 - leg.lift, leg.foot_x, widths[2]),
    )
    return cut(ends, top, bottom - (leg.lift if bottom > KNEE else 0))


def cut(outline: Outline, top: int, bottom: int) -> Outline:
    """The part of an outline between two heights."""
    return [_at(outline, top), *(point for point in outline if top < point[0] < bottom), _at(outline, bottom)]


def _at(outline: Outline, y: int) -> tuple[int, int, int]:
    """Centre and half width at a height; the ends go on unchanged."""
    for (y0, c0, h0), (y1, c1, h1) in pairwise(outline):
        if y0 <= y <= y1:
            return y, c0 + (c1 - c0) * (y - y0) // max(y1 - y0, 1), h0 + (h1 - h0) * (y - y0) // max(y1 - y0, 1)
    return (y, *(outline[0] if y < outline[0][0] else outline[-1])[1:])


def draw_legs(figure: Figure) -> None:
    """Bare legs; garments go over them."""
    widths = (figure.thick(13), figure.thick(9), figure.thick(6))
    for leg in figure.legs():
        figure.canvas.tube(leg_outline(figure, leg, 114, ANKLE + 8, widths), Material.SKIN, shade=leg.shade)


def arm_outlines(figure: Figure, side: int, *, slack: int, raised: bool) -> list[Outline]:
    """One arm from shoulder to wrist, as one tube or, raised, as upper and lower arm. `side` is -1 (far, when sideways) or 1."""
    wide, narrow = figure.thick(8) + slack, figure.thick(5) + slack
    if figure.sideways:
        swing = side * figure.pose.swing
        if raised:
            return [[(SHOULDER, 0, wide - 2), (54, 0, wide), (88, 2, wide - 1)], [(62, 17, narrow), (78, 14, narrow), (90, 4, wide)]]
        return [[(SHOULDER, 0, wide - 2), (54, 0, wide), (86, swing // 2 - 1, wide - 1), (120, swing, narrow)]]
    x = side * (figure.shoulder - 1)
    shoulder = [(SHOULDER - 1, x - side * 3, wide - 3), (54, x, wide)]
    if raised:
        lower = [(60, x - side * 4, narrow), (76, x + side, narrow + 1), (91, x + side * 4, wide)]
        return [[*shoulder, (88, x + side * 5, wide - 1)], lower]
    out = side * max(figure.hip + 5 - figure.shoulder, 3)
    return [[*shoulder, (88, x + out, wide - 1), (120, x + out + side, narrow)]]


def arm_shade(figure: Figure, side: int) -> int:
    """The light of an arm: the far one has less."""
    return FAR if figure.sideways and side < 0 else 0


def hand_place(figure: Figure, side: int, *, raised: bool) -> tuple[int, int]:
    """(x, y) of the middle of a hand."""
    outline = arm_outlines(figure, side, slack=0, raised=raised)[-1]
    return (outline[0][1], outline[0][0] - 3) if raised else (outline[-1][1], outline[-1][0] + 5)


def draw_arm(figure: Figure, side: int, *, raised: bool) -> None:
    """A bare arm with its hand; sleeves go over it."""
    x, y = hand_place(figure, side, raised=raised)
    hand = [(y - 6, x, 4), (y - 2, x, 6), (y + 3, x, 6), (y + 8, x, 3)]
    for outline in (*arm_outlines(figure, side, slack=0, raised=raised), hand):
        figure.canvas.tube(outline, Material.SKIN, shade=arm_shade(figure, side))
