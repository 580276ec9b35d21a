"""Hat, glasses, bag and umbrella."""

from __future__ import annotations

from cada.synthpedes.body import hand_place
from cada.synthpedes.figure import Figure
from cada.synthpedes.materials import Material

CARRYING, HOLDING = 1, -1  # the arm that a handbag hangs from, and the one that lifts an umbrella


def draw_hat(figure: Figure) -> None:
    """A cap with its peak, a beanie with its band, or a hat with a brim."""
    tube, kind, view = figure.canvas.tube, figure.attributes.hat, figure.pose.view
    if kind == "cap":
        tube([(-6, 0, 6), (-3, 0, 12), (2, 0, 16), (9, 0, 17)], Material.HAT)
        if view == "front":
            tube([(7, 0, 15), (9, 0, 18), (13, 0, 12)], Material.HAT, shade=-12)
        elif view == "side":
            tube([(6, 18, 10), (9, 20, 13), (12, 21, 10)], Material.HAT, shade=-10)
        else:
            tube([(5, 0, 4), (9, 0, 6)], Material.HAIR if figure.attributes.hair != "bald" else Material.SKIN, shade=-4)
    elif kind == "beanie":
        tube([(-11, 0, 3), (-8, 0, 9), (-2, 0, 15), (8, 0, 17)], Material.HAT, folds=figure.folds)
        tube([(4, 0, 17), (12, 0, 17)], Material.HAT, shade=-9)
    elif kind == "hat":
        tube([(-9, 0, 9), (-7, 0, 13), (6, 0, 15)], Material.HAT)
        tube([(0, 0, 15), (5, 0, 15)], Material.HAT, shade=-16)
        tube([(5, 0, 20), (8, 0, 27), (10, 0, 28), (12, 0, 20)], Material.HAT, shade=3)


def draw_glasses(figure: Figure) -> None:
    """Two lenses and a bridge; sunglasses are larger and black through and through."""
    if figure.pose.view == "back" or figure.attributes.glasses is None:
        return
    tube, dark = figure.canvas.tube, figure.attributes.glasses == "sunglasses"
    centres = (11,) if figure.sideways else (-6, 6)
    tube([(17, 3 if figure.sideways else 0, 12), (19, 3 if figure.sideways else 0, 12)], Material.LENS, flat=True)
    for x in centres:
        tube([(15, x, 4), (17, x, 5), (22, x, 5), (24, x, 3)], Material.LENS, flat=True)
        if not dark:
            tube([(17, x, 3), (22, x, 3)], Material.GLASS, flat=True, shade=10)


def draw_straps(figure: Figure) -> None:
    """The straps of a backpack seen from the front: all that shows of it."""
    for x in (-1, 1):
        figure.canvas.tube([(44, x * 11, 4), (60, x * 14, 4), (82, x * 15, 3)], Material.BAG, shade=-2)


def draw_backpack(figure: Figure) -> None:
    """The pack itself, from behind or from the side."""
    tube = figure.canvas.tube
    if figure.sideways:
        x = -figure.chest - 8
        tube([(48, x + 4, 6), (54, x, 11), (92, x - 1, 13), (102, x, 11)], Material.BAG, folds=figure.folds)
        tube([(74, x - 8, 4), (78, x - 9, 6), (96, x - 9, 5)], Material.BAG, shade=-8)
        tube([(46, -2, 4), (60, 4, 3), (78, 2, 3), (88, -6, 3)], Material.BAG, shade=-6)
        return
    tube([(42, 0, 5), (46, 0, 5)], Material.BAG, shade=-10)
    tube([(45, 0, 12), (49, 0, 18), (60, 0, 20), (98, 0, 21), (106, 0, 18)], Material.BAG, folds=figure.folds)
    tube([(60, 0, 18), (62, 0, 18)], Material.BUCKLE, shade=-10, flat=True)
    tube([(76, 0, 13), (80, 0, 15), (100, 0, 14)], Material.BAG, shade=-9)
    tube([(79, 0, 13), (81, 0, 13)], Material.BUCKLE, shade=-10, flat=True)


def draw_shoulder_bag(figure: Figure) -> None:
    """A strap across the trunk and the bag at the hip."""
    tube = figure.canvas.tube
    if figure.sideways:
        tube([(46, -1, 3), (80, 1, 3), (114, 3, 3)], Material.BAG, shade=-8)
        tube([(112, 4, 15), (116, 4, 17), (140, 4, 17), (143, 4, 15)], Material.BAG)
        tube([(112, 4, 16), (125, 4, 15)], Material.BAG, shade=-8)
        return
    hip = figure.hip + 2
    tube([(43, -15, 4), (66, -6, 5), (90, 6, 5), (116, hip - 6, 4)], Material.BAG, shade=-8)
    tube([(114, hip, 13), (117, hip, 15), (140, hip, 15), (143, hip, 13)], Material.BAG)
    tube([(114, hip, 14), (126, hip, 12)], Material.BAG, shade=-8)
    tube([(124, hip, 2), (129, hip, 2)], Material.BUCKLE, flat=True)


def draw_handbag(figure: Figure) -> None:
    """A bag hanging from a hand, with two handles."""
    tube = figure.canvas.tube
    x, y = hand_place(figure, CARRYING, raised=False)
    for side in (-1, 1):
        tube([(y + 2, x + side * 3, 1), (y + 8, x + side * 6, 1), (y + 14, x + side * 7, 1)], Material.BAG, shade=-8)
    tube([(y + 13, x, 12), (y + 20, x, 15), (y + 34, x, 16), (y + 36, x, 14)], Material.BAG, folds=figure.folds)
    tube([(y + 20, x, 15), (y + 22, x, 15)], Material.BAG, shade=-12)
    tube([(y + 18, x, 2), (y + 23, x, 2)], Material.BUCKLE, flat=True)


def draw_umbrella(figure: Figure) -> None:
    """The shaft from the raised hand, and the canopy above the head."""
    tube = figure.canvas.tube
    x, y = hand_place(figure, HOLDING if not figure.sideways else CARRYING, raised=True)
    middle = x // 2
    tube([(-22, middle, 1), (y, x, 1), (y + 12, x, 1)], Material.METAL, flat=True)
    tube([(-46, middle, 1), (-40, middle, 2)], Material.METAL, flat=True)
    tube([(-40, middle, 6), (-36, middle, 20), (-29, middle, 36), (-20, middle, 48), (-11, middle, 54)], Material.UMBRELLA)
    for rib in (-1, 0, 1):
        tube([(-40, middle, 1), (-26, middle + rib * 14, 1), (-11, middle + rib * 20, 1)], Material.UMBRELLA, shade=-12, flat=True)
    for scallop in (-2, -1, 0, 1, 2):
        tube(
            [(-12, middle + scallop * 21, 10), (-9, middle + scallop * 21, 7), (-7, middle + scallop * 21, 2)], Material.UMBRELLA, shade=-8
        )
