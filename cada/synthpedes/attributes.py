"""What a drawn person is: 18 attribute slots, and families of look-alikes.

Three persons with consecutive ids form a family. The second and third differ from the first by a swap of two colours (60 %),
by one other colour (20 %) or by one other type, hat, bag, pattern or hair (20 %): a bag of words cannot tell a swap.
Skin and the shirt under an open jacket belong to the family: drawn from a hash of the attributes they would leak the identity.
Whoever is drawn for pre-training has attributes that nobody of another split can have, whatever the seeds: a hash divides them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from cada.synthpedes.randomness import Stream

COLOURS = ("black", "white", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
HAIR_COLOURS = {"black": 32, "brown": 28, "blonde": 18, "gray": 12, "red": 10}
HAIR = {"man": {"short": 82, "long": 6, "bald": 12}, "woman": {"long": 45, "ponytail": 32, "short": 23}}
BUILDS = {"average": 60, "slim": 20, "heavy": 20}
HATS = {None: 64, "cap": 16, "beanie": 10, "hat": 10}
GLASSES = {None: 76, "glasses": 12, "sunglasses": 12}
UPPERS = {
    "man": {"t-shirt": 22, "shirt": 18, "sweater": 14, "hoodie": 16, "jacket": 16, "coat": 9, "tank top": 5},
    "woman": {"t-shirt": 18, "shirt": 14, "sweater": 15, "hoodie": 10, "jacket": 14, "coat": 10, "tank top": 7, "dress": 12},
}
PATTERNS = {"plain": 56, "striped": 16, "checked": 12, "dotted": 6, "print": 10}
LOWERS = {"man": {"pants": 45, "jeans": 30, "shorts": 25}, "woman": {"pants": 30, "jeans": 25, "shorts": 14, "skirt": 19, "long skirt": 12}}
SHOES = {"sneakers": 50, "boots": 24, "shoes": 26}
BAGS = {
    "man": {None: 46, "backpack": 30, "shoulder bag": 20, "handbag": 4},
    "woman": {None: 38, "backpack": 20, "shoulder bag": 18, "handbag": 24},
}
OF_SEX: Mapping[str, Mapping[str, Mapping[Any, int]]] = {"hair": HAIR, "upper": UPPERS, "lower": LOWERS, "bag": BAGS}
OF_ANYBODY: Mapping[str, Mapping[Any, int]] = {"build": BUILDS, "hat": HATS, "glasses": GLASSES, "pattern": PATTERNS, "shoes": SHOES}
UMBRELLA_PERCENT = 8
SKINS = 5
INNERS = ("white", "gray", "black")
FAMILY = 3
PRETRAIN = "pretrain"  # the split
_TRIES = 16  # before another kind of change is drawn: on somebody all in black nothing can be swapped


@dataclass(frozen=True)
class Attributes:
    """The 18 slots; None says that there is no such thing."""

    sex: str
    build: str
    hair: str
    hair_colour: str | None
    hat: str | None
    hat_colour: str | None
    glasses: str | None
    upper: str
    upper_colour: str
    pattern: str
    pattern_colour: str | None
    lower: str | None
    lower_colour: str | None
    shoes: str
    shoes_colour: str
    bag: str | None
    bag_colour: str | None
    umbrella_colour: str | None

    def present(self) -> dict[str, str]:
        """The slots that hold something, in their fixed order."""
        return {field.name: getattr(self, field.name) for field in fields(self) if getattr(self, field.name) is not None}


SLOTS = tuple(field.name for field in fields(Attributes))
COLOUR_SLOTS = tuple(name for name in SLOTS if name.endswith("_colour"))
GARMENT_COLOURS = tuple(name for name in COLOUR_SLOTS if name != "hair_colour")


@dataclass(frozen=True)
class Person:
    """A drawn person: the attributes, and the looks that no caption speaks of."""

    attributes: Attributes
    skin: int
    inner: str


def draw_attributes(random: Stream) -> Attributes:
    """Attributes of a person without relatives."""
    sex = random.choice(("man", "woman"))
    hair = random.weighted(HAIR[sex])
    hat = random.weighted(HATS)
    upper = random.weighted(UPPERS[sex])
    upper_colour = random.choice(COLOURS)
    pattern = random.weighted(patterns(upper))
    lower = None if upper == "dress" else random.weighted(LOWERS[sex])
    bag = random.weighted(BAGS[sex])
    return Attributes(
        sex=sex,
        build=random.weighted(BUILDS),
        hair=hair,
        hair_colour=None if hair == "bald" else random.weighted(HAIR_COLOURS),
        hat=hat,
        hat_colour=random.choice(COLOURS) if hat else None,
        glasses=random.weighted(GLASSES),
        upper=upper,
        upper_colour=upper_colour,
        pattern=pattern,
        pattern_colour=None if pattern == "plain" else _other_colour(upper_colour, random),
        lower=lower,
        lower_colour=random.choice(COLOURS) if lower else None,
        shoes=random.weighted(SHOES),
        shoes_colour=random.choice(COLOURS),
        bag=bag,
        bag_colour=random.choice(COLOURS) if bag else None,
        umbrella_colour=random.choice(COLOURS) if random.chance(UMBRELLA_PERCENT) else None,
    )


def families(seed: int, split: str, persons: int) -> Iterator[Person]:
    """The persons of a split in the order of their ids, three by three look-alikes."""
    for family in range((persons + FAMILY - 1) // FAMILY):
        random = Stream(seed, split, "family", family)
        first = draw_attributes(random)
        while for_pretraining(first) != (split == PRETRAIN):
            first = draw_attributes(random)
        skin, inner = random.below(SKINS), random.choice(INNERS)
        members = [first]
        while len(members) < FAMILY:
            other = vary(first, random)
            if other not in members:
                members.append(other)
        for attributes in members[: persons - family * FAMILY]:
            yield Person(attributes, skin, inner)


def for_pretraining(attributes: Attributes) -> bool:
    """Whether these attributes are kept for persons of the pre-training: half of all are, by a bit of a hash.

    Which slot has which colour does not count, so that both persons of a swap are on one side.
    """
    colours = sorted(getattr(attributes, slot) for slot in coloured(attributes))
    others = [str(getattr(attributes, slot)) for slot in SLOTS if slot not in GARMENT_COLOURS]
    return hashlib.blake2b("/".join(others + colours).encode(), digest_size=1).digest()[0] % 2 == 0


def vary(person: Attributes, random: Stream) -> Attributes:
    """A look-alike on the same side of `for_pretraining`: two colours swapped, or one colour or one other attribute changed."""
    side = for_pretraining(person)
    while True:
        change = random.weighted({_swap_colours: 60, _change_colour: 20, _change_type: 20})
        for _ in range(_TRIES):
            other = change(person, random)
            if other != person and other.pattern_colour != other.upper_colour and for_pretraining(other) == side:
                return other


def _swap_colours(person: Attributes, random: Stream) -> Attributes:
    """Upper and lower garment where there are both, in two of three cases; else any two."""
    if person.lower and random.chance(65):
        one, two = "upper_colour", "lower_colour"
    else:
        one, two = random.shuffled(coloured(person))[:2]
    return replace(person, **{one: getattr(person, two), two: getattr(person, one)})


def _change_colour(person: Attributes, random: Stream) -> Attributes:
    slot = random.choice(coloured(person))
    return replace(person, **{slot: _other_colour(getattr(person, slot), random)})


def _change_type(person: Attributes, random: Stream) -> Attributes:
    """Another value of one slot, where the others allow it; else the same person."""
    aspect = random.choice(("upper", "lower", "shoes", "hat", "bag", "pattern", "hair"))
    if aspect == "upper" and person.upper != "dress":
        upper = random.weighted({name: weight for name, weight in UPPERS[person.sex].items() if name != "dress"})
        return replace(person, upper=upper) if person.pattern in patterns(upper) else person
    if aspect == "lower" and person.lower:
        return replace(person, lower=random.weighted(LOWERS[person.sex]))
    if aspect == "shoes":
        return replace(person, shoes=random.weighted(SHOES))
    if aspect in ("hat", "bag"):
        thing, slot = random.weighted(HATS if aspect == "hat" else BAGS[person.sex]), f"{aspect}_colour"
        changed: dict[str, Any] = {aspect: thing, slot: (getattr(person, slot) or random.choice(COLOURS)) if thing else None}
        return replace(person, **changed)
    if aspect == "pattern":
        pattern = random.weighted(patterns(person.upper))
        colour = None if pattern == "plain" else person.pattern_colour or _other_colour(person.upper_colour, random)
        return replace(person, pattern=pattern, pattern_colour=colour)
    if aspect == "hair" and person.hair != "bald":
        return replace(person, hair_colour=random.weighted(HAIR_COLOURS))
    return person


def patterns(upper: str) -> dict[str, int]:
    """A coat bears checks at most; a print needs a closed front."""
    if upper == "coat":
        return {"plain": 80, "checked": 20}
    return {name: weight for name, weight in PATTERNS.items() if name != "print" or upper not in ("jacket", "shirt", "dress")}


def _other_colour(colour: str, random: Stream) -> str:
    return random.choice([name for name in COLOURS if name != colour])


def coloured(person: Attributes) -> list[str]:
    return [slot for slot in GARMENT_COLOURS if getattr(person, slot) is not None]
