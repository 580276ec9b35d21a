"""What an image shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cada.synthpedes import scene
from cada.synthpedes.attributes import COLOURS, Attributes, Person
from cada.synthpedes.canvas import Canvas
from cada.synthpedes.drawing import _blurred, draw_image
from cada.synthpedes.figure import Pose
from cada.synthpedes.materials import colours
from cada.synthpedes.randomness import Stream
from cada.synthpedes.scene import Shot, draw_shot, hidden_slots

SIZE = (96, 48)
PLAIN = Attributes(
    *("man", "average", "short", "brown", None, None, None, "t-shirt", "blue", "plain", None),
    *("pants", "red", "sneakers", "green", None, None, None),
)


def studio(view: str, **changes: object) -> Shot:
    """No nuisance, no mirror, no clutter in front."""
    shot = draw_shot(Stream("studio"), 0)
    fixed = {"pose": Pose(view, 0, 0, 0), "mirrored": False, "light": 0, "place": "road"}
    return replace(shot, **fixed | changes)


def image(attributes: Attributes, view: str, **changes: object) -> np.ndarray:
    return draw_image(Person(attributes, 1, "white"), studio(view, **changes), SIZE, Stream("picture")).astype(int)


def changed(one: Attributes, other: Attributes, view: str) -> int:
    """Number of pixels that differ clearly."""
    return int((np.abs(image(one, view) - image(other, view)).max(axis=2) > 24).sum())


def nearest_colour(pixel: np.ndarray) -> str:
    return min(COLOURS, key=lambda name: int(((pixel - np.array(colours()["garments"][name])) ** 2).sum()))


@pytest.mark.parametrize("view", ["front", "back", "side"])
@pytest.mark.parametrize("colour", sorted(COLOURS))
def test_garments_have_their_colours(view: str, colour: str) -> None:
    """Chest or sleeve, and thigh, of somebody standing in the middle."""
    shown = image(replace(PLAIN, upper_colour=colour), view)
    assert nearest_colour(shown[23:29, 22:26].mean(axis=(0, 1))) == colour
    column = 24 if view == "side" else 20
    assert nearest_colour(image(replace(PLAIN, lower_colour=colour), view)[60:66, column - 1 : column + 1].mean(axis=(0, 1))) == colour


@pytest.mark.parametrize(
    "change",
    [
        {"upper": "coat"},
        {"upper": "shirt"},
        {"upper": "jacket"},
        {"pattern": "striped", "pattern_colour": "white"},
        {"pattern": "checked", "pattern_colour": "white"},
        {"pattern": "dotted", "pattern_colour": "white"},
        {"lower": "shorts"},
        {"lower": "long skirt"},
        {"hair_colour": "blonde"},
        {"hair": "long"},
        {"hat": "hat", "hat_colour": "red"},
        {"build": "heavy"},
        {"shoes": "boots"},
        {"bag": "shoulder bag", "bag_colour": "yellow"},
        {"bag": "handbag", "bag_colour": "yellow"},
        {"umbrella_colour": "yellow"},
    ],
    ids=lambda change: ",".join(f"{value}" for value in change.values()),
)
@pytest.mark.parametrize("view", ["front", "back", "side"])
def test_every_attribute_can_be_seen(change: dict[str, str], view: str) -> None:
    assert changed(PLAIN, replace(PLAIN, **change), view) >= 10


def test_a_backpack_shows_its_straps_only_from_the_front() -> None:
    pack = replace(PLAIN, bag="backpack", bag_colour="yellow")
    seen = {view: changed(PLAIN, pack, view) for view in ("front", "back", "side")}
    assert 10 <= seen["front"] < seen["side"] < seen["back"]


def test_hidden_slots_cannot_be_seen() -> None:
    """What the captions must not state makes no difference to the image."""
    pairs = [
        (replace(PLAIN, glasses="sunglasses"), "back", "glasses"),
        (replace(PLAIN, pattern="print", pattern_colour="yellow"), "back", "pattern"),
        (replace(PLAIN, pattern="print", pattern_colour="yellow"), "side", "pattern"),
    ]
    for attributes, view, slot in pairs:
        assert slot in hidden_slots(attributes, studio(view))
        assert changed(PLAIN, attributes, view) == 0
        assert slot not in hidden_slots(attributes, studio("front"))
        assert changed(PLAIN, attributes, "front") > 0
    assert hidden_slots(replace(PLAIN, hair="bald", hair_colour=None, hat="cap", hat_colour="red"), studio("front")) == {"hair"}
    assert hidden_slots(PLAIN, studio("front", occluder="hedge")) == {"shoes"}


def test_mirrored_is_the_mirror_image() -> None:
    bag = replace(PLAIN, bag="handbag", bag_colour="yellow")
    assert (image(bag, "side", mirrored=True) == image(bag, "side")[:, ::-1]).all()


def test_both_mirror_images_occur_equally() -> None:
    assert 450 < sum(draw_shot(Stream("mirror", i), 100).mirrored for i in range(1000)) < 550


def test_pre_training_is_milder() -> None:
    def spread(strength: int) -> float:
        return float(np.std([draw_shot(Stream("mild", i), strength).gain for i in range(300)]))

    assert spread(0) == 0
    assert 0.2 < spread(30) / spread(100) < 0.4


@pytest.mark.parametrize("occluder", ["pole", "bollard", "hedge", "sign"])
def test_occluders_leave_most_to_see(occluder: str) -> None:
    canvas = Canvas(288, 144)
    scene.draw_occluder(canvas, studio("front", occluder=occluder), Stream("occluder"))
    assert 0.01 < (canvas.code != 0).mean() < 0.25


def test_blur_against_a_plain_loop() -> None:
    pixels = np.arange(60).reshape(4, 5, 3) * 7 % 256
    weights = (1, 2, 1)
    for row in range(4):
        for column in range(5):
            total = np.zeros(3, dtype=int)
            for down in (-1, 0, 1):
                for across in (-1, 0, 1):
                    pixel = pixels[min(max(row + down, 0), 3), min(max(column + across, 0), 4)]
                    total += weights[down + 1] * weights[across + 1] * pixel
            assert (_blurred(pixels)[row, column] == (total + 8) // 16).all()


def test_other_sizes_show_the_same_person() -> None:
    large = draw_image(Person(PLAIN, 1, "white"), studio("front"), (192, 96), Stream("picture")).astype(int)
    shrunk = large.reshape(96, 2, 48, 2, 3).mean(axis=(1, 3))
    body = slice(15, 80), slice(18, 30)
    assert np.abs(shrunk[body] - image(PLAIN, "front")[body]).mean() < 12
