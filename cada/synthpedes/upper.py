"""The upper garment on the trunk, with what shows its kind: neckline, collar, buttons, hood, pocket, open front, belt."""

from __future__ import annotations

from cada.synthpedes.figure import WAIST, Figure
from cada.synthpedes.garments import CUTS, draw_cloth
from cada.synthpedes.materials import Material

SIDES = (-1, 1)


def draw_upper(figure: Figure) -> None:
    """The garment, then its details as this view shows them."""
    cut = CUTS[figure.attributes.upper]
    outline = figure.torso(cut.hem, slack=cut.slack, flare=cut.flare)
    if figure.attributes.upper == "tank top":
        figure.canvas.tube(figure.torso(70), Material.SKIN)
        outline = [(48, 0, figure.shoulder - 9), (58, 0, figure.shoulder - 5), *outline[4:]]
    draw_cloth(figure, outline)
    {"front": _front, "back": _back, "side": _side}[figure.pose.view](figure)


def _front(figure: Figure) -> None:
    kind = figure.attributes.upper
    if kind in ("t-shirt", "sweater", "dress"):
        figure.canvas.tube([(41, 0, 8), (45, 0, 7), (49, 0, 3)], Material.SKIN, shade=-3)
    if kind == "tank top":
        _straps(figure, depth=62)
    if kind in ("sweater", "hoodie"):
        _ribbed_hem(figure)
    if kind == "shirt":
        _buttoned_front(figure)
    if kind == "hoodie":
        _hood_front(figure)
    if kind == "jacket":
        _open_front(figure)
    if kind == "coat":
        _coat_front(figure)
    if kind == "dress":
        _belt(figure)
    if figure.attributes.pattern == "print":
        _print(figure)


def _back(figure: Figure) -> None:
    kind, tube = figure.attributes.upper, figure.canvas.tube
    if kind in ("shirt", "jacket", "coat"):
        tube([(38, 0, 9), (44, 0, 12)], Material.UPPER, shade=8)
    if kind in ("sweater", "hoodie", "jacket"):
        _ribbed_hem(figure)
    if kind == "hoodie":
        tube([(38, 0, 12), (44, 0, 16), (56, 0, 14), (64, 0, 6)], Material.UPPER, shade=-9)
        tube([(38, 0, 11), (43, 0, 14), (53, 0, 12), (60, 0, 5)], Material.UPPER, shade=2)
    if kind == "tank top":
        _straps(figure, depth=58)
    if kind == "coat":
        tube([(110, 0, 1), (CUTS["coat"].hem, 0, 1)], Material.UPPER, shade=-14, flat=True)
    if kind in ("coat", "dress"):
        _belt(figure)


def _side(figure: Figure) -> None:
    kind, tube = figure.attributes.upper, figure.canvas.tube
    if kind in ("shirt", "jacket", "coat"):
        tube([(38, 1, 8), (45, 1, 9)], Material.UPPER, shade=8)
    if kind in ("sweater", "hoodie", "jacket"):
        _ribbed_hem(figure)
    if kind == "hoodie":
        tube([(34, -9, 4), (42, -10, 9), (54, -11, 8), (60, -10, 4)], Material.UPPER, shade=-6)
    if kind == "jacket":
        x = figure.chest - 1
        tube([(50, x - 2, 1), (70, x, 2), (CUTS["jacket"].hem, figure.hip - 1, 2)], Material.INNER)
    if kind == "dress":
        _belt(figure)


def _straps(figure: Figure, *, depth: int) -> None:
    """A wide neckline between two straps."""
    figure.canvas.tube([(46, 0, 9), (54, 0, 8), (depth, 0, 4)], Material.SKIN)
    for side in SIDES:
        figure.canvas.tube([(43, side * 11, 3), (58, side * 13, 4)], Material.UPPER)


def _ribbed_hem(figure: Figure) -> None:
    cut = CUTS[figure.attributes.upper]
    width = figure.hip + cut.slack
    figure.canvas.tube([(cut.hem - 6, 0, width), (cut.hem, 0, width - 1)], Material.UPPER, shade=-10)


def _buttoned_front(figure: Figure) -> None:
    """Collar, button strip and buttons of a shirt."""
    tube, hem = figure.canvas.tube, CUTS["shirt"].hem
    tube([(41, 0, 5), (48, 0, 2)], Material.SKIN, shade=-3)
    for side in SIDES:
        tube([(39, side * 7, 3), (44, side * 7, 4), (51, side * 5, 1)], Material.UPPER, shade=10)
    tube([(50, 0, 2), (hem, 0, 2)], Material.UPPER, shade=-8, flat=True)
    for y in range(56, hem, 13):
        tube([(y, 0, 1), (y + 3, 0, 1)], Material.BUCKLE, flat=True)


def _hood_front(figure: Figure) -> None:
    """The hood around the neck, its cords, and the pocket."""
    tube = figure.canvas.tube
    cord = Material.METAL if figure.attributes.upper_colour == "white" else Material.BUCKLE
    for side in SIDES:
        tube([(36, side * 12, 4), (44, side * 10, 6), (54, side * 4, 3)], Material.UPPER, shade=-8)
        tube([(52, side * 4, 1), (72, side * 5, 1)], cord, flat=True)
    tube([(94, 0, 11), (98, 0, 14), (114, 0, 17)], Material.UPPER, shade=-7)
    tube([(97, 0, 12), (114, 0, 15)], Material.UPPER, shade=-1)


def _open_front(figure: Figure) -> None:
    """A jacket worn open over the inner shirt: lapels, edges, and the band on both sides."""
    tube, cut = figure.canvas.tube, CUTS["jacket"]
    _ribbed_hem(figure)
    tube([(42, 0, 5), (60, 0, 6), (cut.hem, 0, 8)], Material.INNER, folds=figure.folds)
    tube([(41, 0, 5), (47, 0, 3)], Material.SKIN, shade=-3)
    for side in SIDES:
        tube([(39, side * 8, 4), (52, side * 9, 4), (66, side * 7, 1)], Material.UPPER, shade=9)
        tube([(64, side * 8, 1), (cut.hem, side * 10, 1)], Material.UPPER, shade=-16, flat=True)


def _coat_front(figure: Figure) -> None:
    """Lapels, the overlap with its buttons, and pockets."""
    tube, hem = figure.canvas.tube, CUTS["coat"].hem
    tube([(41, 0, 6), (54, 0, 2)], Material.INNER)
    for side in SIDES:
        tube([(38, side * 8, 4), (50, side * 9, 6), (70, side * 3, 1)], Material.UPPER, shade=9)
        tube([(122, side * 16, 6), (125, side * 16, 6)], Material.UPPER, shade=-14, flat=True)
    tube([(70, 0, 1), (hem, 0, 1)], Material.UPPER, shade=-18, flat=True)
    for y in range(74, hem - 10, 18):
        tube([(y, 4, 2), (y + 4, 4, 2)], Material.METAL, flat=True)


def _belt(figure: Figure) -> None:
    width = figure.waist + CUTS[figure.attributes.upper].slack + 3
    figure.canvas.tube([(WAIST - 2, 0, width), (WAIST + 3, 0, width)], Material.UPPER, shade=-14)


def _print(figure: Figure) -> None:
    """A round badge with a bar on the chest."""
    figure.canvas.tube([(60, 0, 5), (64, 0, 11), (74, 0, 13), (84, 0, 11), (88, 0, 5)], Material.PATTERN, flat=True)
    figure.canvas.tube([(72, 0, 8), (77, 0, 8)], Material.UPPER, flat=True)
