"""The drawing primitive: the shapes of a part of the body, as shapes.yaml lists them."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import NamedTuple

import yaml

from cada.synthpedes.figure import Figure
from cada.synthpedes.materials import Material

_NUMBER = re.compile(r"(±?)(-?)([a-z]*)([+-]?\d+)?")


class Number(NamedTuple):
    """A coordinate: `sign` times a measure of the figure, plus `offset`; on the left side of the body negative where it is mirrored."""

    mirrored: bool
    sign: int
    measure: str
    offset: int


class Shape(NamedTuple):
    """A line of shapes.yaml."""

    one_of: tuple[frozenset[str], ...]
    none_of: frozenset[str]
    material: Material
    shade: int
    flat: bool
    folds: bool
    outlines: tuple[tuple[tuple[Number, ...], ...], ...]
    sides: tuple[int, ...]


def draw(figure: Figure, part: str, **measures: int) -> None:
    """Draw the shapes of a part that this figure shows; `measures` are known to them beside its half widths."""
    figure.canvas.part = part
    known = {"": 0, "shoulder": figure.shoulder, "chest": figure.chest, "waist": figure.waist, "hip": figure.hip, **measures}
    for shape in _shapes()[part]:
        if not all(figure.words & words for words in shape.one_of) or figure.words & shape.none_of:
            continue
        folds = figure.folds if shape.folds else None
        for side in shape.sides:
            for outline in shape.outlines:
                points = [(_value(y, known, side), _value(centre, known, side), _value(half, known, side)) for y, centre, half in outline]
                figure.canvas.tube(points, shape.material, folds=folds, shade=shape.shade, flat=shape.flat)


def _value(number: Number, measures: dict[str, int], side: int) -> int:
    value = number.sign * measures[number.measure] + number.offset
    return side * value if number.mirrored else value


@functools.cache
def _shapes() -> dict[str, list[Shape]]:
    text = resources.files(__package__).joinpath("shapes.yaml").read_text(encoding="utf-8")
    return {part: [_shape(line) for line in lines] for part, lines in yaml.safe_load(text).items()}


def _shape(line: str) -> Shape:
    when, how, where = (cell.strip() for cell in line.split("|"))
    words, (material, *options) = when.split(), how.split()
    shades = [int(option) for option in options if option[0] in "+-"]
    outlines = tuple(tuple(tuple(map(_number, point.split())) for point in outline.split(",")) for outline in where.split(";"))
    return Shape(
        one_of=tuple(frozenset(word.split("/")) for word in words if word != "all" and not word.startswith("!")),
        none_of=frozenset(word[1:] for word in words if word.startswith("!")),
        material=Material[material],
        shade=shades[0] if shades else 0,
        flat="flat" in options,
        folds="folds" in options,
        outlines=outlines,
        sides=(-1, 1) if "±" in where else (1,),
    )


def _number(text: str) -> Number:
    match = _NUMBER.fullmatch(text)
    assert match, f"shapes.yaml: {text!r} is no number"
    mirrored, minus, measure, offset = match.groups()
    if measure:
        return Number(bool(mirrored), -1 if minus else 1, measure, int(offset or 0))
    return Number(bool(mirrored), 1, "", int(minus + offset))
