"""Persons and their families."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

from cada.synthpedes.attributes import COLOURS, FAMILY, GARMENT_COLOURS, SLOTS, Attributes, Person, families, vary
from cada.synthpedes.randomness import Stream

PERSONS = list(families(3, "test", 1500))


def differing(one: Attributes, other: Attributes) -> list[str]:
    return [field.name for field in fields(Attributes) if getattr(one, field.name) != getattr(other, field.name)]


def in_families() -> list[list[Person]]:
    return [PERSONS[start : start + FAMILY] for start in range(0, len(PERSONS), FAMILY)]


def test_eighteen_slots_and_eleven_colours() -> None:
    assert len(SLOTS) == 18
    assert len(COLOURS) == 11


def test_relatives_are_look_alikes() -> None:
    """A swap or one change; a new hat or bag brings a colour with it, and so does a pattern."""
    for first, *others in in_families():
        assert len({person.attributes for person in (first, *others)}) == FAMILY
        for other in others:
            assert 1 <= len(differing(first.attributes, other.attributes)) <= 2


def test_shares_of_the_kinds_of_relatives() -> None:
    kinds: Counter[str] = Counter()
    for first, *others in in_families():
        for other in others:
            slots = differing(first.attributes, other.attributes)
            before = Counter(getattr(first.attributes, slot) for slot in slots)
            after = Counter(getattr(other.attributes, slot) for slot in slots)
            if len(slots) == 2 and before == after and all(slot in GARMENT_COLOURS for slot in slots):
                kinds["swap"] += 1
            elif len(slots) == 1 and slots[0] in GARMENT_COLOURS:
                kinds["colour"] += 1
            else:
                kinds["type"] += 1
    share = {kind: count / kinds.total() for kind, count in kinds.items()}
    assert 0.53 < share["swap"] < 0.65
    assert 0.15 < share["colour"] < 0.27
    assert 0.13 < share["type"] < 0.25


def test_what_no_caption_tells_belongs_to_the_family() -> None:
    for members in in_families():
        assert len({(person.skin, person.inner) for person in members}) == 1


def test_skin_does_not_tell_the_attributes() -> None:
    """Every tone goes with every colour of the upper garment, about equally often: it cannot be a hash of the attributes."""
    firsts = list(families(8, "train", 3 * 5500))[::FAMILY]
    counts = Counter((person.skin, person.attributes.upper_colour) for person in firsts)
    assert len(counts) == 5 * 11
    assert all(60 <= count <= 145 for count in counts.values())


def test_slots_fit_together() -> None:
    for person in [*PERSONS, *families(3, "pretrain", 1500)]:
        a = person.attributes
        assert (a.hat is None) == (a.hat_colour is None)
        assert (a.bag is None) == (a.bag_colour is None)
        assert (a.pattern == "plain") == (a.pattern_colour is None)
        assert (a.hair == "bald") == (a.hair_colour is None)
        assert (a.upper == "dress") == (a.lower is None) == (a.lower_colour is None)
        assert a.pattern_colour != a.upper_colour


def test_a_split_may_end_inside_a_family() -> None:
    assert list(families(3, "test", 7)) == PERSONS[:7]


def test_splits_and_seeds_are_other_persons() -> None:
    mine = {person.attributes for person in PERSONS[:300]}
    assert not mine & {person.attributes for person in families(3, "train", 300)}
    assert not mine & {person.attributes for person in families(4, "test", 300)}


def test_one_colour_everywhere_still_has_relatives() -> None:
    """Nothing can be swapped on a person all in black; the look-alike comes another way."""
    black = Attributes(
        *("man", "average", "short", "black", None, None, None, "shirt", "black", "plain", None),
        *("pants", "black", "boots", "black", None, None, None),
    )
    assert all(vary(black, Stream("black", i)) != black for i in range(50))
