"""The materials of a canvas and their colours (red, green, blue, 0..255)."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from cada.synthpedes.attributes import Person


class Material(IntEnum):
    """One number per thing that has a colour of its own."""

    WALL = 0
    WALL_DETAIL = 1
    GROUND = 2
    GROUND_DETAIL = 3
    CLUTTER = 4
    CLUTTER_DETAIL = 5
    GLASS = 6
    OCCLUDER = 7
    SKIN = 8
    LIPS = 9
    EYE = 10
    HAIR = 11
    UPPER = 12
    PATTERN = 13
    INNER = 14
    LOWER = 15
    SHOES = 16
    SOLE = 17
    BAG = 18
    BUCKLE = 19
    HAT = 20
    LENS = 21
    UMBRELLA = 22
    METAL = 23
    LEAVES = 24


COLOURS = {
    "black": (36, 36, 40),
    "white": (232, 232, 228),
    "gray": (132, 134, 138),
    "red": (200, 28, 36),
    "orange": (242, 126, 22),
    "yellow": (240, 210, 48),
    "green": (34, 134, 58),
    "blue": (34, 78, 188),
    "purple": (118, 48, 156),
    "pink": (246, 146, 186),
    "brown": (110, 68, 38),
}
HAIR = {"black": (30, 26, 26), "brown": (90, 56, 32), "blonde": (224, 186, 106), "gray": (164, 162, 160), "red": (166, 68, 28)}
SKINS = ((250, 214, 186), (236, 190, 152), (208, 156, 112), (156, 104, 68), (98, 62, 42))


def paint(person: Person, surroundings: dict[Material, tuple[int, int, int]]) -> np.ndarray:
    """(materials, 3) colours of one picture: the person's, and those of the surroundings."""
    attributes = person.attributes
    skin = SKINS[person.skin]
    colours = surroundings | {
        Material.SKIN: skin,
        Material.LIPS: (skin[0] * 7 // 8, skin[1] * 5 // 8, skin[2] * 5 // 8),
        Material.EYE: (34, 26, 24),
        Material.HAIR: HAIR.get(attributes.hair_colour or "", skin),
        Material.UPPER: COLOURS[attributes.upper_colour],
        Material.PATTERN: COLOURS[attributes.pattern_colour or attributes.upper_colour],
        Material.INNER: COLOURS[person.inner],
        Material.LOWER: COLOURS[attributes.lower_colour or attributes.upper_colour],
        Material.SHOES: COLOURS[attributes.shoes_colour],
        Material.SOLE: (226, 224, 218) if attributes.shoes == "sneakers" else (40, 34, 32),
        Material.BAG: COLOURS[attributes.bag_colour or "gray"],
        Material.BUCKLE: (206, 196, 160),
        Material.HAT: COLOURS[attributes.hat_colour or "gray"],
        Material.LENS: (20, 20, 26),
        Material.UMBRELLA: COLOURS[attributes.umbrella_colour or "gray"],
        Material.METAL: (84, 84, 88),
    }
    return np.array([colours[material] for material in Material], dtype=np.int32)
