"""What differs from image to image of one person: view, pose, place, light, surroundings, noise.

Every range is scaled by `strength` (per cent), so that the pre-training images can be milder. Nothing here depends on the person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cada.synthpedes.attributes import Attributes
from cada.synthpedes.canvas import LEVELS, NEUTRAL, Canvas
from cada.synthpedes.figure import Pose
from cada.synthpedes.materials import RGB, Material, colours
from cada.synthpedes.randomness import Stream


@dataclass(frozen=True)
class Shot:
    """One image's circumstances. `gain` is per colour channel, 256 = unchanged; `noise` is a peak amplitude in grey levels."""

    pose: Pose
    mirrored: bool
    height: int  # per cent of the canvas that the body takes
    offset: int  # canvas pixels from the middle
    light: int  # -1, 0, 1: where the light comes from
    gain: RGB
    blur: int  # passes of a 1-2-1 filter
    noise: int
    place: str
    occluder: str | None
    surroundings: dict[Material, RGB]


def draw_shot(random: Stream, strength: int) -> Shot:
    """Circumstances of one image; `strength` 100 is the full range, 0 a studio."""
    view = random.weighted({"front": 40, "back": 30, "side": 30})
    walking = random.chance(70 if view == "side" else 45)
    stride = random.between(9, 26) if walking and view == "side" else 0
    pose = Pose(view, stride, random.between(-14, 16) if view == "side" else 0, random.between(2, 9) if walking else 0)
    brightness = 256 + random.between(-86, 60) * strength // 100
    cast = [random.between(-26, 26) * strength // 100 for _ in range(3)]
    return Shot(
        pose=pose,
        mirrored=random.chance(50),
        height=96 - random.between(0, 15) * strength // 100,
        offset=random.between(-12, 12) * strength // 100,
        light=random.between(-1, 1),
        gain=(brightness + cast[0], brightness + cast[1], brightness + cast[2]),
        blur=random.weighted({0: 55, 1: 25, 2: 14, 3: 6}) if random.chance(strength) else 0,
        noise=random.between(0, 26) * strength // 100,
        place=random.choice(("wall", "shops", "park", "road", "plaza")),
        occluder=random.choice(("pole", "bollard", "hedge", "sign")) if random.chance(16 * strength // 100) else None,
        surroundings=_surroundings(random),
    )


def hidden_slots(person: Attributes, shot: Shot) -> frozenset[str]:
    """The slots that this image does not show, which no caption of it may state."""
    hidden = {
        "glasses": shot.pose.view == "back",
        "hair": person.hair == "bald" and person.hat is not None,
        "pattern": person.pattern == "print" and shot.pose.view != "front",
        "shoes": shot.occluder in ("hedge", "bollard"),
    }
    return frozenset(slot for slot, is_hidden in hidden.items() if is_hidden)


def _surroundings(random: Stream) -> dict[Material, RGB]:
    tables, found = colours(), {}
    chosen = {name: random.choice(tables[name]) for name in ("walls", "grounds", "clutters")} | {"windows": tables["windows"][0]}
    for name, (table, by, *anew) in tables["surroundings"].items():
        colour = random.choice(tables[table]) if anew else chosen[table]
        shift = random.between(-by, by)
        red, green, blue = (min(max(channel + shift, 0), 255) for channel in colour)
        found[Material[name]] = (red, green, blue)
    return found


def draw_background(canvas: Canvas, shot: Shot, random: Stream) -> None:
    """Wall or open view above, ground in perspective below."""
    rows = canvas.code.shape[0]
    horizon = rows * random.between(44, 66) // 100
    shade = (NEUTRAL - 8 + np.arange(rows) * 12 // rows).astype(np.int16)
    canvas.code[:horizon] = (Material.WALL * LEVELS + shade[:horizon])[:, None]
    canvas.code[horizon:] = (Material.GROUND * LEVELS + shade[: rows - horizon])[:, None]
    _PLACES[shot.place](canvas, horizon, random)


def _wall(canvas: Canvas, horizon: int, random: Stream) -> None:
    """Courses of brick or slabs, a kerb, paving."""
    columns = canvas.code.shape[1]
    step, width = random.choice(((8, 24), (14, 40), (26, 60)))
    for course, top in enumerate(range(horizon % step, horizon, step)):
        canvas.box(top, top + 1, 0, columns, Material.WALL_DETAIL)
        for low in range((course & 1) * width // 2, columns, width):
            canvas.box(top, top + step, low, low + 1, Material.WALL_DETAIL)
    canvas.darken(horizon - 5, horizon, 0, columns, 12)
    _paving(canvas, horizon, random)


def _shops(canvas: Canvas, horizon: int, random: Stream) -> None:
    """Windows and a door."""
    columns = canvas.code.shape[1]
    low = -random.below(40)
    while low < columns:
        width, head = random.between(26, 48), horizon - random.between(90, 130)
        sill = horizon if random.chance(35) else horizon - random.between(24, 44)
        canvas.box(head - 3, sill + 3, low - 3, low + width + 3, Material.WALL_DETAIL, light=NEUTRAL - 4)
        canvas.box(head, sill, low, low + width, Material.GLASS)
        canvas.box(head, (head + sill) // 2, low, low + width // 2, Material.GLASS, light=NEUTRAL + 8)
        low += width + random.between(12, 40)
    band = horizon - random.between(130, 150)
    canvas.box(band, band + 14, 0, columns, Material.CLUTTER)
    _paving(canvas, horizon, random)


_ROUND = ((0, 40), (6, 70), (16, 92), (32, 100), (60, 96), (84, 78), (100, 56))  # height and half width of a bush, in per cent


def _park(canvas: Canvas, horizon: int, random: Stream) -> None:
    """Bushes, and a tree."""
    columns = canvas.code.shape[1]
    trunk, half = random.below(columns), random.between(3, 7)
    canvas.stroke(trunk, [(0, 0, half), (horizon, 0, half), (horizon + 6, 0, half + 4)], Material.CLUTTER_DETAIL, shade=-6)
    canvas.stroke(trunk, [(y * horizon // 200 - 20, 0, part * horizon // 300) for y, part in _ROUND], Material.LEAVES, shade=-4)
    for _ in range(random.between(3, 5)):
        size = random.between(26, 52)
        bush, top = random.below(columns), horizon - size + random.between(0, 8)
        outline = [(top + y * size // 100, 0, part * size * 3 // 400) for y, part in _ROUND]
        canvas.stroke(bush, outline, Material.LEAVES, shade=-random.below(12))


def _road(canvas: Canvas, horizon: int, random: Stream) -> None:
    """A kerb, a marking, and a car behind."""
    rows, columns = canvas.code.shape
    low, length = random.between(-60, 60), random.between(90, 130)
    top = horizon - random.between(34, 44)
    canvas.box(top + 14, horizon + 6, low, low + length, Material.CLUTTER)
    canvas.box(top, top + 16, low + 20, low + length - 24, Material.CLUTTER, light=NEUTRAL + 6)
    canvas.box(top + 4, top + 14, low + 26, low + length - 30, Material.GLASS)
    canvas.darken(horizon + 6, horizon + 12, low, low + length, 16)
    for wheel in (low + 24, low + length - 28):
        canvas.stroke(wheel, [(horizon - 5 + y * 18 // 100, 0, part * 9 // 100) for y, part in _ROUND], Material.LENS)
        canvas.stroke(wheel, [(horizon + 1, 0, 3), (horizon + 6, 0, 3)], Material.METAL)
    kerb = horizon + random.between(18, 40)
    canvas.box(kerb, kerb + 4, 0, columns, Material.GROUND_DETAIL, light=NEUTRAL + 8)
    canvas.box(kerb + 4, rows, 0, columns, Material.GROUND_DETAIL, light=NEUTRAL - 2)


def _plaza(canvas: Canvas, horizon: int, random: Stream) -> None:
    """Far buildings, and a large paving."""
    columns = canvas.code.shape[1]
    low = -random.below(20)
    while low < columns:
        width, top = random.between(18, 50), random.between(0, horizon * 2 // 3)
        material = random.choice((Material.WALL_DETAIL, Material.CLUTTER, Material.CLUTTER_DETAIL))
        canvas.box(top, horizon, low, low + width, material, light=NEUTRAL - random.below(8))
        for floor in range(top + 6, horizon - 6, 14):
            for window in range(low + 4, low + width - 4, 10):
                canvas.box(floor, floor + 6, window, window + 5, Material.GLASS, light=NEUTRAL - 4)
        low += width + random.below(14)
    _paving(canvas, horizon, random)


def _paving(canvas: Canvas, horizon: int, random: Stream) -> None:
    """Joints that run to a vanishing point, and cross joints that grow with nearness."""
    rows, columns = canvas.code.shape
    vanishing, step = random.below(columns), random.between(26, 60)
    row, gap = horizon + 5, 6
    while row < rows:
        canvas.box(row, row + 1 + gap // 14, 0, columns, Material.GROUND_DETAIL, light=NEUTRAL - 4)
        row, gap = row + gap, gap * 3 // 2
    down = np.arange(horizon + 4, rows, dtype=np.int32) - horizon
    for joint in range(-6, 7):
        at = vanishing + joint * step * down // 60
        keep = (at >= 0) & (at < columns)
        canvas.code[horizon + down[keep], at[keep]] = Material.GROUND_DETAIL * LEVELS + NEUTRAL - 4


_PLACES = {"wall": _wall, "shops": _shops, "park": _park, "road": _road, "plaza": _plaza}


def draw_shadow(canvas: Canvas, feet: int, middle: int, width: int) -> None:
    """A soft dark patch on the ground."""
    for inset, depth in ((0, 5), (7, 5), (14, 6)):
        canvas.darken(feet - 8 + inset // 2, feet + 8 - inset // 2, middle - width + inset, middle + width - inset, depth)


def draw_occluder(canvas: Canvas, shot: Shot, random: Stream) -> None:
    """Something between the camera and the person: it hides a part, never most."""
    rows, columns = canvas.code.shape
    side = random.choice((-1, 1))
    middle = columns // 2 + side * random.between(12, 34)
    if shot.occluder == "pole":
        canvas.stroke(middle, [(0, 0, 6), (rows, 0, 7)], Material.OCCLUDER)
    elif shot.occluder == "bollard":
        middle = columns // 2 + side * random.between(0, 12)
        canvas.stroke(middle, [(rows - 78, 0, 9), (rows - 72, 0, 14), (rows, 0, 15)], Material.OCCLUDER)
        canvas.stroke(middle, [(rows - 64, 0, 15), (rows - 58, 0, 15)], Material.SOLE)
    elif shot.occluder == "hedge":
        for low in range(0, columns, 6):
            height = 48 + random.below(12)
            canvas.box(rows - height, rows, low, low + 6, Material.OCCLUDER, light=NEUTRAL - random.below(12))
    elif shot.occluder == "sign":
        middle += side * 14
        canvas.stroke(middle, [(rows // 2, 0, 4), (rows, 0, 4)], Material.METAL)
        canvas.box(rows // 2 - 40, rows // 2 + 8, middle - 24, middle + 24, Material.CLUTTER_DETAIL)
