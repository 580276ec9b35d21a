"""The materials of a canvas and their colours (red, green, blue, 0..255)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from enum import IntEnum
from importlib import resources
from typing import Any

import numpy as np
import yaml

from cada.synthpedes.attributes import Person

Material = IntEnum(
    "Material",
    "WALL WALL_DETAIL GROUND GROUND_DETAIL CLUTTER CLUTTER_DETAIL GLASS OCCLUDER SKIN LIPS EYE HAIR UPPER PATTERN INNER LOWER SHOES SOLE "
    "BAG BUCKLE HAT LENS UMBRELLA METAL LEAVES",
    start=0,
)
RGB = tuple[int, int, int]


@functools.cache
def colours() -> dict[str, Any]:
    """The tables of colours.yaml by name."""
    return yaml.safe_load(resources.files("cada.synthpedes").joinpath("colours.yaml").read_text(encoding="utf-8"))


def paint(person: Person, surroundings: Mapping[Material, RGB]) -> np.ndarray:
    """(materials, 3) colours of one image: the person's, and those of the surroundings."""
    garments, attributes = colours()["garments"], person.attributes
    red, green, blue = skin = colours()["skins"][person.skin]
    painted = {Material[name]: colour for name, colour in colours()["fixed"].items()} | {
        Material.SKIN: skin,
        Material.LIPS: (red * 7 // 8, green * 5 // 8, blue * 5 // 8),
        Material.HAIR: colours()["hair"].get(attributes.hair_colour, skin),
        Material.UPPER: garments[attributes.upper_colour],
        Material.PATTERN: garments[attributes.pattern_colour or attributes.upper_colour],
        Material.INNER: garments[person.inner],
        Material.LOWER: garments[attributes.lower_colour or attributes.upper_colour],
        Material.SHOES: garments[attributes.shoes_colour],
        Material.SOLE: colours()["soles"]["sneakers" if attributes.shoes == "sneakers" else "others"],
        Material.BAG: garments[attributes.bag_colour or "gray"],
        Material.HAT: garments[attributes.hat_colour or "gray"],
        Material.UMBRELLA: garments[attributes.umbrella_colour or "gray"],
    }
    return np.array([(painted | dict(surroundings))[material] for material in Material], dtype=np.int32)
