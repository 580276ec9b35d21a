"""One picture of one person: drawn at three times the size, averaged down, lit, blurred, and encoded.

All of it is whole-number arithmetic, and the encoder is Pillow's bundled libjpeg: the bytes do not depend on the machine.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cada.synthpedes import accessories, body, garments, upper
from cada.synthpedes.attributes import Person
from cada.synthpedes.canvas import FOLD_DEPTH, Canvas
from cada.synthpedes.figure import SOLE, Figure, make_figure
from cada.synthpedes.materials import paint
from cada.synthpedes.randomness import Stream
from cada.synthpedes.scene import Shot, draw_background, draw_occluder, draw_shadow

OVERSAMPLING = 3
QUALITY = 92
_UMBRELLA_ROOM = 46  # body units above the crown


def draw_picture(person: Person, shot: Shot, size: tuple[int, int], random: Stream) -> np.ndarray:
    """(height, width, 3) uint8 of a person under a shot's circumstances."""
    height, width = size
    canvas = Canvas(height * OVERSAMPLING, width * OVERSAMPLING)
    draw_background(canvas, shot, random)
    rows, columns = canvas.code.shape
    room = _UMBRELLA_ROOM if person.attributes.umbrella_colour else 8
    scale = rows * shot.height * 1024 // (100 * (SOLE + room))
    feet = rows - (rows * (100 - shot.height) * 2 // 300) - 2
    middle = columns // 2 + shot.aside * columns // 144
    draw_shadow(canvas, feet, middle, 38 * scale // 1024)
    canvas.place(middle, feet - SOLE * scale // 1024, scale)
    canvas.light_from(shot.light)
    _draw_person(make_figure(canvas, person.attributes, shot.pose, _folds(random)))
    if shot.mirrored:
        canvas.mirror()
    draw_occluder(canvas, shot, random)
    return _develop(canvas.coloured(paint(person, shot.surroundings)), shot, random)


def encode(picture: np.ndarray) -> bytes:
    """JPEG without colour subsampling and without Huffman optimisation."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY, subsampling=0, optimize=False)
    return buffer.getvalue()


def _folds(random: Stream) -> np.ndarray:
    """64 light levels of cloth that repeat: a few soft creases."""
    light = np.zeros(64, dtype=np.int16)
    for _ in range(4):
        at, depth = random.below(64), random.between(2, 5)
        for step, part in enumerate((1, 2, 3, 3, 2, 1)):
            light[(at + step) % 64] -= depth * part // 3
    return np.maximum(light, -FOLD_DEPTH)


def _draw_person(figure: Figure) -> None:
    """From back to front, as the view has it."""
    attributes = figure.attributes
    lifting = attributes.umbrella_colour is not None
    lifted = {-1: lifting and not figure.sideways, 1: lifting and figure.sideways}
    body.draw_hair_behind(figure)
    if figure.sideways:
        _draw_arm(figure, -1, raised=False)
    body.draw_legs(figure)
    over_boots = attributes.shoes == "boots" and attributes.lower != "long skirt"
    if not over_boots:
        garments.draw_shoes(figure)
    garments.draw_lower(figure)
    if over_boots:
        garments.draw_shoes(figure)
    body.draw_neck(figure)
    if not figure.sideways:
        for side in (-1, 1):
            if not lifted[side] or figure.pose.view == "back":
                _draw_arm(figure, side, raised=lifted[side])
    upper.draw_upper(figure)
    _draw_bag(figure)
    body.draw_head(figure)
    accessories.draw_glasses(figure)
    accessories.draw_hat(figure)
    if figure.sideways:
        _draw_arm(figure, 1, raised=lifted[1])
    elif lifted[-1] and figure.pose.view == "front":
        _draw_arm(figure, -1, raised=True)
    if attributes.bag == "handbag":
        accessories.draw_handbag(figure)
    if lifting:
        accessories.draw_umbrella(figure)


def _draw_arm(figure: Figure, side: int, *, raised: bool) -> None:
    body.draw_arm(figure, side, raised=raised)
    garments.draw_sleeve(figure, side, raised=raised)


def _draw_bag(figure: Figure) -> None:
    bag = figure.attributes.bag
    if bag == "backpack":
        (accessories.draw_straps if figure.pose.view == "front" else accessories.draw_backpack)(figure)
    elif bag == "shoulder bag":
        accessories.draw_shoulder_bag(figure)


def _develop(large: np.ndarray, shot: Shot, random: Stream) -> np.ndarray:
    """Average each 3 x 3 block, then light, blur and noise; (3H, 3W, 4) to (H, W, 3)."""
    small = Image.frombuffer("RGBX", (large.shape[1], large.shape[0]), large, "raw", "RGBX", 0, 1).reduce(OVERSAMPLING)
    picture = np.asarray(small)[:, :, :3].astype(np.int32)
    picture = picture * np.array(shot.gain, dtype=np.int32) >> 8
    for _ in range(shot.blur):
        picture = _blurred(picture)
    if shot.noise:
        octets = random.octets(picture.size * 2).reshape(2, *picture.shape).astype(np.int32)
        picture = picture + ((octets[0] + octets[1] - 255) * shot.noise >> 8)
    return picture.clip(0, 255).astype(np.uint8)


def _blurred(picture: np.ndarray) -> np.ndarray:
    """A 1-2-1 filter down and across; the border repeats."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:] + 8) >> 4
