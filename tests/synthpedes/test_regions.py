"""Whose every pixel is: by hand-made persons, and on drawn images by their colours."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cada.config import Persons, Synthesis
from cada.datasets.text import normalise_caption
from cada.synthpedes.attributes import Attributes, Person
from cada.synthpedes.captions import GoldPhrase
from cada.synthpedes.drawing import draw_image
from cada.synthpedes.figure import Pose
from cada.synthpedes.generate import draw, draw_set, tasks
from cada.synthpedes.randomness import Stream
from cada.synthpedes.regions import LABELS, SLOTS, body, draw_labels, gold_phrases, labels_of, region, slot_of
from cada.synthpedes.scene import Shot, draw_shot

SIZE = (96, 48)
SET = Synthesis(seed=5, persons=Persons(train=12, val=6, test=60), images_per_person=(3, 5), size=SIZE)
PLAIN = Attributes(
    *("man", "average", "short", "brown", None, None, None, "t-shirt", "blue", "plain", None),
    *("pants", "white", "sneakers", "green", None, None, None),
)


def studio(view: str, **changes: object) -> Shot:
    """No nuisance, no mirror, nothing in front; a road with a car, whose wheels are of the material of lenses."""
    fixed = {"pose": Pose(view, 0, 0, 0), "mirrored": False, "light": 0, "place": "road", "gain": (256, 256, 256), "blur": 0, "noise": 0}
    return replace(draw_shot(Stream("studio"), 0), **fixed | changes)


def drawn(attributes: Attributes, view: str, **changes: object) -> tuple[np.ndarray, np.ndarray]:
    """The image and the labels of a person."""
    person, shot = Person(attributes, 1, "gray"), studio(view, **changes)
    return draw_image(person, shot, SIZE, Stream("one")).astype(int), draw_labels(person, shot, SIZE, Stream("one"))


@pytest.mark.parametrize("view", ["front", "back", "side"])
@pytest.mark.parametrize("bag", ["backpack", "shoulder bag", "handbag"])
def test_a_red_bag_is_red_and_where_the_bag_is(bag: str, view: str) -> None:
    image, labels = drawn(replace(PLAIN, bag=bag, bag_colour="red"), view)
    yellow, same = drawn(replace(PLAIN, bag=bag, bag_colour="yellow"), view)
    _, without = drawn(PLAIN, view)
    shown = region(labels, "bag")
    assert shown.sum() > 20 and not region(without, "bag").any()
    assert np.array_equal(labels, same)
    recoloured = yellow[..., 1] - image[..., 1] > 60  # what is red or yellow: buckles are neither, and a pixel of an edge is of two things
    assert recoloured[shown].mean() > 0.7 and recoloured[~shown].sum() < 0.2 * shown.sum()
    assert (image[..., 0] > image[..., 1:].max(axis=2) + 20)[shown & recoloured].mean() > 0.9
    assert np.array_equal(labels[~shown & ~body(without)], without[~shown & ~body(without)])  # nothing else has moved


@pytest.mark.parametrize(
    ("changes", "view", "slot", "rows"),
    [
        ({"hat": "cap", "hat_colour": "red"}, "front", "hat", (0, 20)),
        ({"glasses": "glasses"}, "front", "glasses", (8, 24)),
        ({"umbrella_colour": "red"}, "front", "umbrella", (0, 60)),
        ({}, "back", "shoes", (80, 96)),
        ({}, "front", "lower", (40, 92)),
    ],
)
def test_a_thing_is_where_it_belongs(changes: dict[str, str], view: str, slot: str, rows: tuple[int, int]) -> None:
    _, labels = drawn(replace(PLAIN, **changes), view)
    found = np.flatnonzero(region(labels, slot).any(axis=1))
    assert len(found) and found.min() >= rows[0] and found.max() < rows[1]


def test_materials_of_several_things_are_whose_they_are() -> None:
    """The wheels of a car are no glasses, nor is the band of a ponytail; cords are the hoodie's; a bald head is the hair's."""
    assert not region(drawn(PLAIN, "front")[1], "glasses").any()
    woman = replace(PLAIN, sex="woman", hair="ponytail")
    assert not region(drawn(woman, "back")[1], "glasses").any()
    hoodie = drawn(replace(PLAIN, upper="hoodie"), "front")[1]
    assert not region(hoodie, "bag").any() and not region(hoodie, "umbrella").any()
    _, bald = drawn(replace(PLAIN, hair="bald", hair_colour=None), "front")
    assert region(bald, "hair").sum() > 50


def test_a_pattern_is_a_part_of_the_garment() -> None:
    image, labels = drawn(replace(PLAIN, pattern="striped", pattern_colour="yellow"), "back")
    red, _ = drawn(replace(PLAIN, pattern="striped", pattern_colour="red"), "back")
    stripes, upper = region(labels, "pattern"), region(labels, "upper")
    assert 0 < stripes.sum() < upper.sum() and (upper | ~stripes).all()
    assert (image[..., 1] - red[..., 1])[stripes].mean() > 4 * abs(image[..., 1] - red[..., 1])[~stripes].mean()
    assert np.array_equal(region(labels, "build"), body(labels))  # nothing is carried


def test_what_hides_a_person_is_the_occluder() -> None:
    _, labels = drawn(PLAIN, "front", occluder="hedge")
    assert (labels[-10:] == LABELS.index("occluder")).all() and not region(labels, "shoes").any()
    _, sign = drawn(PLAIN, "front", occluder="sign")
    assert (sign == LABELS.index("occluder")).any()


def test_mirroring_mirrors_the_labels() -> None:
    _, labels = drawn(replace(PLAIN, bag="handbag", bag_colour="red"), "front")
    _, mirrored = drawn(replace(PLAIN, bag="handbag", bag_colour="red"), "front", mirrored=True)
    at, other = (np.flatnonzero(region(found, "bag").any(axis=0)).mean() for found in (labels, mirrored))
    assert abs(at + other - (SIZE[1] - 1)) <= 1 and abs(at - other) > 5


def test_of_a_drawn_set_every_phrase_shows_its_colour() -> None:
    """Images as they are in the set, with light, blur and noise: what a caption calls red is redder than the rest of its image."""
    redder = []
    for task in tasks(SET, "test"):
        attributes, labels = task.person.attributes, labels_of(task, SET)
        image = np.asarray(Image.open(io.BytesIO(draw(task, SET)[0]))).astype(int)
        for slot in ("upper", "lower", "bag"):
            shown = region(labels, slot)
            if getattr(attributes, f"{slot}_colour") == "red" and attributes.pattern == "plain" and shown.sum() > 10:
                redness = image[..., 0] - image[..., 1:].mean(axis=2)
                redder.append(redness[shown].mean() > redness[~shown].mean() + 20)
    assert len(redder) > 10 and all(redder)


def test_the_phrases_are_those_of_the_annotation(tmp_path: Path) -> None:
    small = SET.model_copy(update={"persons": Persons(train=1, val=1, test=2)})
    draw_set(tmp_path / "set", small)
    records = {record["file_path"]: record for record in json.loads((tmp_path / "set/reid_raw.json").read_text())}
    for task in tasks(small, "test"):
        record = records[task.path]
        found = [[json.loads(json.dumps(phrase._asdict())) for phrase in phrases] for phrases in gold_phrases(task, small)]
        assert found == record["phrases"]
        for text, phrases in zip(record["captions"], gold_phrases(task, small), strict=True):
            normalised = normalise_caption(text)
            for phrase in phrases:
                assert phrase.slot in SLOTS and normalised[phrase.start : phrase.end].endswith(phrase.head)
                assert slot_of((phrase.start, phrase.end), phrases) == phrase.slot


def test_the_slot_of_a_span_is_that_of_most_of_its_characters() -> None:
    gold = [GoldPhrase(2, 10, "hat", (), "hat"), GoldPhrase(12, 20, "shirt", (), "upper")]
    assert slot_of((0, 9), gold) == "hat"
    assert slot_of((8, 19), gold) == "upper"
    assert slot_of((10, 12), gold) is None
    assert slot_of((0, 5), []) is None
