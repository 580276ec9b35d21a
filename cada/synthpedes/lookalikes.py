"""Look-alikes on demand: a drawn image once more with one thing about the person changed, and everything else the same to the pixel.

The families of a set hold look-alikes too, but in other poses and places. Here nothing but a sentence that states what was changed tells
two images apart. All of it comes from the seed; there are no files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from cada.config import Synthesis
from cada.datasets.decoding import decode_rgb
from cada.synthpedes import attributes as tables
from cada.synthpedes.attributes import Attributes, coloured, for_pretraining, patterns
from cada.synthpedes.generate import CAPTIONS_PER_IMAGE, Task, draw
from cada.synthpedes.randomness import Stream

KINDS = ("swap", "colour", "type", "absence")
VISIBLE, NOTICED = 8, 24  # fewer pixels that differ by more grey levels in a channel, and nobody could tell two images apart
_ALONE = frozenset(("bald", "dress", "plain"))  # values that decide what other slots hold
_THINGS: Mapping[str, str | None] = {
    "hat": None,
    "glasses": None,
    "bag": None,
    "umbrella_colour": None,
    "pattern": "plain",
}  # what there is without them


class Change(NamedTuple):
    """One change of a person, by its kind of KINDS. A caption that states all of `slots` is false after it."""

    kind: str
    slots: tuple[str, ...]
    attributes: Attributes


class LookAlike(NamedTuple):
    """A drawn image, as its file would be decoded, and a caption of it.

    change: how it differs from the image that it looks like; None for that one itself. distinct: whether the caption is false of that one.
    """

    image: Image.Image
    caption: str
    change: Change | None = None
    distinct: bool = False


def changes(person: Attributes) -> Iterator[Change]:
    """Every look-alike of a person with two colours swapped, one other colour, one other value, or one thing that is gone.

    All can be drawn, and are on the person's side of `for_pretraining`. Two colours of one patterned garment are not swapped: people name
    them in any order.
    """
    side = for_pretraining(person)
    for kind, slots, changed in _changes(person):
        other = replace(person, **changed)
        if other.pattern_colour != other.upper_colour and other.pattern in patterns(other.upper) and for_pretraining(other) == side:
            yield Change(kind, slots, other)


def _changes(person: Attributes) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, Any]]]:
    present = person.present()
    for one, two in combinations(coloured(person), 2):
        if present[one] != present[two] and (one, two) != ("upper_colour", "pattern_colour"):
            yield "swap", (one, two), {one: present[two], two: present[one]}
    for slot in (*coloured(person), "hair_colour"):
        for colour in tables.HAIR_COLOURS if slot == "hair_colour" else tables.COLOURS:
            if present.get(slot, colour) != colour:
                yield "colour", (slot,), {slot: colour}
    for slot, values in _values(person).items():
        for value in values:
            if present.get(slot, value) != value and not {present[slot], value} & _ALONE:
                yield "type", (slot,), {slot: value}
    for thing, without in _THINGS.items():
        if present.get(thing, without) != without:
            yield "absence", (thing,), {thing: without, **{slot: None for slot in present if slot == f"{thing}_colour"}}


def _values(person: Attributes) -> dict[str, list[str]]:
    """The values that each slot which is no colour may have; another sex where all that is worn goes with both."""
    allowed = {slot: [*table[person.sex]] for slot, table in tables.OF_SEX.items()} | {
        slot: [*table] for slot, table in tables.OF_ANYBODY.items()
    }
    other = next(sex for sex in tables.HAIR if sex != person.sex)
    if all(getattr(person, slot) in (None, *table[other]) for slot, table in tables.OF_SEX.items()):
        allowed["sex"] = [other]
    return {slot: [value for value in values if value] for slot, values in allowed.items()}


def look_alikes(task: Task, synthesis: Synthesis, *, seed: int) -> tuple[int, list[LookAlike]]:
    """The number of one of a drawn image's captions, and the image with it, followed by a look-alike for each kind that it allows.

    The caption states what a look-alike changes. Caption, slots and values are drawn from the seed and the image's name: of those that
    are possible first the slots, then the values. A change that cannot be seen is left out.
    """
    random = Stream(seed, "look-alike", task.path)
    number = random.below(CAPTIONS_PER_IMAGE)
    caption, stated, image = _drawn(task, synthesis, number)
    person, found = task.person.attributes, [LookAlike(image, caption)]
    by_kind: dict[str, dict[tuple[str, ...], list[Change]]] = {kind: {} for kind in KINDS}
    for change in changes(person):
        if all(slot in stated for slot in change.slots):
            by_kind[change.kind].setdefault(change.slots, []).append(change)
    for possible in filter(None, by_kind.values()):
        change = random.choice(possible[random.choice([*possible])])
        other = replace(task, person=replace(task.person, attributes=change.attributes))
        other_caption, facts, other_image = _drawn(other, synthesis, number)
        differs = np.abs(np.asarray(image, dtype=np.int16) - np.asarray(other_image)).max(axis=2) > NOTICED
        if differs.sum() >= VISIBLE:
            distinct = any(person.present().get(slot) != value for slot, value in facts.items())
            found.append(LookAlike(other_image, other_caption, change, distinct))
    return number, found


def _drawn(task: Task, synthesis: Synthesis, number: int) -> tuple[str, dict[str, str], Image.Image]:
    """Caption `number`, what it states, and the image."""
    content, record = draw(task, synthesis)
    return record["captions"][number], record["facts"][number], decode_rgb(content)
