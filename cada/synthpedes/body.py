"""Skin and hair: legs, arms, head."""

from __future__ import annotations

from itertools import pairwise

from cada.synthpedes.canvas import Outline
from cada.synthpedes.figure import ANKLE, KNEE, SHOULDER, Figure
from cada.synthpedes.materials import Material

FAR = -7  # light taken from the limb on the far side
_HAND = 132


def leg_outline(figure: Figure, leg: int, top: int, bottom: int, widths: tuple[int, int, int]) -> Outline:
    """A leg, or the cloth on it, from `top` to `bottom`; half widths at hip, knee and ankle."""
    hip_x, foot_x, lift = figure.legs()[leg]
    ends = (
        (112, hip_x, widths[0]),
        (KNEE - lift, (hip_x + foot_x) // 2 + (3 if figure.sideways else 0), widths[1]),
        (ANKLE + 6 - lift, foot_x, widths[2]),
    )
    return cut(ends, top, bottom - (lift if bottom > KNEE else 0))


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
    for leg in (0, 1):
        shade = FAR if figure.sideways and leg == 0 else 0
        figure.canvas.tube(leg_outline(figure, leg, 114, ANKLE + 8, widths), Material.SKIN, shade=shade)


def arm_outlines(figure: Figure, side: int, *, slack: int, raised: bool) -> list[Outline]:
    """One arm from shoulder to wrist, as one tube or, raised, as upper and lower arm. `side` is -1 (far, when sideways) or 1."""
    wide, narrow = figure.thick(8) + slack, figure.thick(5) + slack
    if figure.sideways:
        swing = side * figure.pose.swing
        if raised:
            return [[(SHOULDER, 0, wide - 2), (54, 0, wide), (88, 2, wide - 1)], [(62, 17, narrow), (78, 14, narrow), (90, 4, wide)]]
        return [[(SHOULDER, 0, wide - 2), (54, 0, wide), (86, swing // 2 - 1, wide - 1), (120, swing, narrow)]]
    x = side * (figure.shoulder - 1)
    out = side * max(figure.hip + 5 - figure.shoulder, 3)
    if raised:
        return [
            [(SHOULDER - 1, x - side * 3, wide - 3), (54, x, wide), (88, x + side * 5, wide - 1)],
            [(60, x - side * 4, narrow), (76, x + side * 1, narrow + 1), (91, x + side * 4, wide)],
        ]
    return [[(SHOULDER - 1, x - side * 3, wide - 3), (54, x, wide), (88, x + out, wide - 1), (120, x + out + side * 1, narrow)]]


def hand_place(figure: Figure, side: int, *, raised: bool) -> tuple[int, int]:
    """(x, y) of the middle of a hand."""
    outline = arm_outlines(figure, side, slack=0, raised=raised)[-1]
    return (outline[0][1], outline[0][0] - 3) if raised else (outline[-1][1], outline[-1][0] + 5)


def draw_arm(figure: Figure, side: int, *, raised: bool) -> None:
    """A bare arm with its hand; sleeves go over it."""
    shade = FAR if figure.sideways and side < 0 else 0
    for outline in arm_outlines(figure, side, slack=0, raised=raised):
        figure.canvas.tube(outline, Material.SKIN, shade=shade)
    x, y = hand_place(figure, side, raised=raised)
    figure.canvas.tube([(y - 6, x, 4), (y - 2, x, 6), (y + 3, x, 6), (y + 8, x, 3)], Material.SKIN, shade=shade)


def draw_neck(figure: Figure) -> None:
    """Drawn before the garment, so that a collar lies on it."""
    figure.canvas.tube([(30, 0, 7), (40, 0, 7), (46, 0, 10)], Material.SKIN, shade=-6)


def draw_hair_behind(figure: Figure) -> None:
    """What hangs behind the shoulders of somebody seen from the front: drawn before the body."""
    if figure.attributes.hair == "long" and figure.pose.view == "front":
        figure.canvas.tube([(4, 0, 14), (14, 0, 18), (34, 0, 19), (58, 0, 20), (66, 0, 16)], Material.HAIR, shade=-6)


def draw_head(figure: Figure) -> None:
    """Head with face and hair."""
    {"front": _front_head, "back": _back_head, "side": _side_head}[figure.pose.view](figure)


def _front_head(figure: Figure) -> None:
    tube, hair = figure.canvas.tube, figure.attributes.hair
    if hair != "bald":
        tube([(-3, 0, 6), (0, 0, 12), (5, 0, 15), (14, 0, 16), (20 if hair == "short" else 26, 0, 14)], Material.HAIR)
    top = 2 if hair == "bald" else 8
    for x in (-14, 14):
        tube([(17, x, 2), (20, x, 3), (24, x, 2)], Material.SKIN, shade=-4)
    tube([(top - 2, 0, 5), (top + 2, 0, 11), (16, 0, 13), (25, 0, 13), (31, 0, 10), (36, 0, 5)], Material.SKIN, shade=1)
    if hair in ("long", "ponytail"):
        for x in (-1, 1):
            tube([(5, x * 5, 6), (9, x * 9, 5), (14, x * 13, 3), (20, x * 14, 2)], Material.HAIR)
    if hair == "long":
        for x in (-1, 1):
            tube([(10, x * 13, 3), (22, x * 15, 4), (44, x * 15, 5), (60, x * 14, 4), (68, x * 14, 2)], Material.HAIR)
    if hair == "ponytail":  # over one shoulder, where it can be seen
        tube([(24, 14, 3), (30, 17, 5), (54, 16, 5), (66, 14, 2)], Material.HAIR)
    for x in (-5, 5):
        tube([(15, x, 3), (16, x, 3)], Material.HAIR if hair != "bald" else Material.EYE, flat=True)
        tube([(18, x, 2), (21, x, 2)], Material.EYE, flat=True)
    tube([(20, 0, 1), (25, 0, 2)], Material.SKIN, shade=-8)
    tube([(29, 0, 4), (31, 0, 3)], Material.LIPS, flat=True)


def _back_head(figure: Figure) -> None:
    tube, hair = figure.canvas.tube, figure.attributes.hair
    tube([(0, 0, 6), (4, 0, 12), (16, 0, 14), (26, 0, 13), (34, 0, 8), (40, 0, 7)], Material.SKIN, shade=-2)
    for x in (-14, 14):
        tube([(17, x, 2), (20, x, 3), (24, x, 2)], Material.SKIN, shade=-6)
    if hair == "bald":
        return
    tube([(-3, 0, 6), (0, 0, 12), (5, 0, 15), (16, 0, 16), (25, 0, 14), (30, 0, 9), (33, 0, 5)], Material.HAIR)
    if hair == "long":
        tube([(14, 0, 15), (30, 0, 17), (56, 0, 18), (68, 0, 15), (73, 0, 8)], Material.HAIR, folds=figure.folds)
    if hair == "ponytail":
        tube([(14, 0, 3), (17, 0, 4)], Material.LENS, flat=True)
        tube([(17, 0, 4), (26, 0, 7), (48, 1, 6), (62, 2, 2)], Material.HAIR, shade=4)


def _side_head(figure: Figure) -> None:
    tube, hair = figure.canvas.tube, figure.attributes.hair
    if hair == "long":
        tube([(6, -6, 12), (30, -9, 10), (56, -10, 11), (70, -11, 6)], Material.HAIR, shade=-4)
    tube([(0, 0, 7), (4, 0, 13), (14, 0, 15), (24, 2, 13), (31, 4, 10), (36, 6, 6)], Material.SKIN, shade=1)
    tube([(17, 14, 2), (22, 15, 3), (25, 15, 2)], Material.SKIN)
    tube([(18, 9, 2), (21, 9, 2)], Material.EYE, flat=True)
    tube([(14, 10, 4), (16, 10, 4)], Material.EYE if hair == "bald" else Material.HAIR, flat=True)
    tube([(29, 12, 3), (31, 12, 3)], Material.LIPS, flat=True)
    if hair != "bald":
        tube([(-3, -1, 7), (1, -1, 13), (6, -1, 16), (9, -4, 13), (18, -8, 8), (26, -9, 5), (32, -8, 2)], Material.HAIR)
    tube([(18, -1, 2), (21, -1, 3), (25, -1, 2)], Material.SKIN, shade=-6)
    if hair == "long":
        tube([(8, -7, 9), (20, -10, 7), (40, -11, 8), (60, -12, 7), (70, -13, 3)], Material.HAIR)
    if hair == "ponytail":
        tube([(12, -17, 3), (18, -19, 5), (40, -20, 5), (56, -18, 2)], Material.HAIR, shade=3)
