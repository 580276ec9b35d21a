"""Look-alikes: each differs in what it says, and an image in nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

from cada.config import Persons, Synthesis
from cada.datasets.decoding import decode_rgb
from cada.synthpedes import lookalikes
from cada.synthpedes.attributes import COLOURS, GARMENT_COLOURS, Attributes, families, for_pretraining
from cada.synthpedes.generate import draw, tasks
from cada.synthpedes.lookalikes import KINDS, Change, changes, look_alikes

SET = Synthesis(seed=11, persons=Persons(train=1, val=1, test=40), images_per_person=(1, 1), size=(96, 48))
TASKS = list(tasks(SET, "test"))
WEARER = Attributes(
    sex="man", build="slim", hair="short", hair_colour="brown", hat="cap", hat_colour="red", glasses="glasses", upper="jacket",
    upper_colour="blue", pattern="striped", pattern_colour="white", lower="jeans", lower_colour="blue", shoes="boots", shoes_colour="black",
    bag="backpack", bag_colour="green", umbrella_colour=None,
)  # fmt: skip


def differing(one: Attributes, other: Attributes) -> set[str]:
    return {field.name for field in fields(Attributes) if getattr(one, field.name) != getattr(other, field.name)}


def of_kind(person: Attributes, kind: str) -> list[Change]:
    return [change for change in changes(person) if change.kind == kind]


def test_what_can_be_swapped_and_what_can_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: of six coloured things two are both blue, and nobody tells a shirt's colour from that of its stripes by their order."""
    monkeypatch.setattr(lookalikes, "for_pretraining", lambda person: False)
    things = ["hat_colour", "upper_colour", "pattern_colour", "lower_colour", "shoes_colour", "bag_colour"]
    pairs = {(one, two) for place, one in enumerate(things) for two in things[place + 1 :]}
    pairs -= {("upper_colour", "lower_colour"), ("upper_colour", "pattern_colour"), ("pattern_colour", "lower_colour")}
    assert {change.slots for change in of_kind(WEARER, "swap")} == pairs  # a white jacket with stripes as blue as it was is none
    gone = {change.slots: differing(WEARER, change.attributes) for change in of_kind(WEARER, "absence")}
    assert gone == {
        ("hat",): {"hat", "hat_colour"},
        ("glasses",): {"glasses"},
        ("bag",): {"bag", "bag_colour"},
        ("pattern",): {"pattern", "pattern_colour"},
    }
    types = {(change.slots[0], getattr(change.attributes, change.slots[0])) for change in of_kind(WEARER, "type")}
    assert {value for slot, value in types if slot == "upper"} == {"t-shirt", "shirt", "sweater", "hoodie", "tank top"}  # no striped coat
    assert {value for slot, value in types if slot == "pattern"} == {"checked", "dotted"}  # no print on a jacket
    assert {value for slot, value in types if slot == "hair"} == {"long"} and ("sex", "woman") in types
    assert not [
        change for change in of_kind(replace(WEARER, upper="tank top", lower="jeans", hair="bald"), "type") if change.slots == ("sex",)
    ]
    colours = Counter(change.slots[0] for change in of_kind(WEARER, "colour"))
    assert colours["lower_colour"] == len(COLOURS) - 1 and colours["hair_colour"] == 4
    assert colours["upper_colour"] == colours["pattern_colour"] == len(COLOURS) - 2, "both of the same colour are no pattern"


def test_every_look_alike_can_be_drawn_and_is_of_the_split() -> None:
    for person in (person.attributes for person in families(5, "test", 60)):
        for change in changes(person):
            other = change.attributes
            with_them = {f"{slot}_colour" for slot in change.slots} if change.kind == "absence" else set()
            assert {*change.slots} <= differing(person, other) <= {*change.slots} | with_them
            assert not for_pretraining(other)
            assert (other.hat is None, other.bag is None) == (other.hat_colour is None, other.bag_colour is None)
            assert (other.pattern == "plain") == (other.pattern_colour is None) and other.pattern_colour != other.upper_colour
            assert (other.upper == "dress", other.hair == "bald") == (other.lower is None, other.hair_colour is None)
            if change.kind == "swap":
                assert Counter(getattr(person, slot) for slot in GARMENT_COLOURS) == Counter(
                    getattr(other, slot) for slot in GARMENT_COLOURS
                )


def test_a_look_alike_is_the_image_with_nothing_else_changed() -> None:
    kinds: Counter[str] = Counter()
    for task in TASKS:
        content, record = draw(task, SET)
        number, (own, *others) = look_alikes(task, SET, seed=0)
        stated, person = record["facts"][number], task.person.attributes
        assert own.change is None and own.caption == record["captions"][number]
        assert np.array_equal(np.asarray(own.image), np.asarray(decode_rgb(content)))
        for other in others:
            assert other.change
            kinds[other.change.kind] += 1
            attributes = other.change.attributes.present()
            assert all(stated[slot] != attributes.get(slot) for slot in other.change.slots), "the caption is false of the look-alike"
            again, anew = draw(replace(task, person=replace(task.person, attributes=other.change.attributes)), SET)
            assert np.array_equal(np.asarray(other.image), np.asarray(decode_rgb(again))) and other.caption == anew["captions"][number]
            false = [slot for slot, value in anew["facts"][number].items() if person.present().get(slot) != value]
            assert other.distinct == bool(false) and set(false) <= differing(person, other.change.attributes)
            same = (np.asarray(own.image) == np.asarray(other.image)).all(axis=2)
            assert 0.05 < same.mean() < 1
        assert [other.change.kind for other in others if other.change] == sorted(
            (o.change.kind for o in others if o.change), key=KINDS.index
        )
    assert all(kinds[kind] > 10 for kind in KINDS)


def test_a_swap_has_the_same_words() -> None:
    for task in TASKS:
        _, (own, *others) = look_alikes(task, SET, seed=0)
        for other in (other for other in others if other.change and other.change.kind == "swap"):
            colourless = [Counter(word for word in one.caption.split() if word not in ("a", "an", "A", "An")) for one in (own, other)]
            assert colourless[0].total() == colourless[1].total() and other.distinct


def test_the_seed_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(seed: int) -> list[object]:
        return [(number, [one.change for one in found]) for number, found in (look_alikes(task, SET, seed=seed) for task in TASKS[:8])]

    assert named(0) == named(0) != named(1)
    monkeypatch.setattr(lookalikes, "VISIBLE", 96 * 48 + 1)
    assert all(len(look_alikes(task, SET, seed=0)[1]) == 1 for task in TASKS[:8]), "what cannot be seen is left out"
