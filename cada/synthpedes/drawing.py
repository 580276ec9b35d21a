"""One image of one person: drawn at three times the size, averaged down, lit, blurred, and encoded.

All of it is whole-number arithmetic, and the encoder is Pillow's bundled libjpeg: the bytes do not depend on the machine.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cada.synthpedes import garments
from cada.synthpedes.attributes import Person
from cada.synthpedes.body import draw_arm, draw_legs, hand_place
from cada.synthpedes.canvas import FOLD_DEPTH, UNIT, Canvas
from cada.synthpedes.figure import SOLE, Figure, make_figure
from cada.synthpedes.materials import paint
from cada.synthpedes.randomness import Stream
from cada.synthpedes.scene import Shot, draw_background, draw_occluder, draw_shadow
from cada.synthpedes.shapes import draw

OVERSAMPLING = 3
QUALITY = 92
BACKGROUND, OCCLUDER = "background", "occluder"  # parts of a scene
_UMBRELLA_ROOM = 46  # body units above the crown
_CARRYING, _HOLDING = 1, -1  # the arm that a handbag hangs from, and the one that lifts an umbrella where both are seen


def draw_image(person: Person, shot: Shot, size: tuple[int, int], random: Stream) -> np.ndarray:
    """(height, width, 3) uint8 of a person under a shot's circumstances."""
    height, width = size
    canvas = Canvas(height * OVERSAMPLING, width * OVERSAMPLING)
    draw_scene(canvas, person, shot, random)
    return _develop(canvas.coloured(paint(person, shot.surroundings)), shot, random)


def draw_scene(canvas: Canvas, person: Person, shot: Shot, random: Stream) -> None:
    """From back to front: the background, the person, and what is before the person."""
    canvas.part = BACKGROUND
    draw_background(canvas, shot, random)
    rows, columns = canvas.code.shape
    room = _UMBRELLA_ROOM if person.attributes.umbrella_colour else 8
    scale = rows * shot.height * UNIT // (100 * (SOLE + room))
    feet = rows - (rows * (100 - shot.height) * 2 // 300) - 2
    middle = columns // 2 + shot.offset * columns // 144
    draw_shadow(canvas, feet, middle, 38 * scale // UNIT)
    canvas.place(middle, feet - SOLE * scale // UNIT, scale)
    canvas.light_from(shot.light)
    _draw_person(make_figure(canvas, person.attributes, shot.pose, _folds(random)))
    if shot.mirrored:
        canvas.mirror()
    canvas.part = OCCLUDER
    draw_occluder(canvas, shot, random)


def encode(image: np.ndarray) -> bytes:
    """JPEG without colour subsampling and without Huffman optimisation."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY, subsampling=0, optimize=False)
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
    attributes, view = figure.attributes, figure.pose.view
    raised = (_CARRYING if figure.sideways else _HOLDING) if attributes.umbrella_colour else None
    over_boots = attributes.shoes == "boots" and attributes.lower != "long skirt"

    def arm(side: int) -> None:
        draw_arm(figure, side, raised=side == raised)
        garments.draw_sleeve(figure, side, raised=side == raised)

    draw(figure, "hair_behind")
    if figure.sideways:
        arm(-1)
    draw_legs(figure)
    for garment in (garments.draw_lower, garments.draw_shoes) if over_boots else (garments.draw_shoes, garments.draw_lower):
        garment(figure)
    draw(figure, "neck")
    if not figure.sideways:
        for side in (-1, 1):
            if side != raised or view == "back":
                arm(side)
    garments.draw_upper(figure)
    for part in ("upper", "bag", "head", "glasses", "hat"):
        draw(figure, part)
    if figure.sideways:
        arm(1)
    elif raised and view == "front":
        arm(raised)
    x, y = hand_place(figure, _CARRYING, raised=False)
    draw(figure, "handbag", x=x, y=y)
    if raised:
        x, y = hand_place(figure, raised, raised=True)
        draw(figure, "umbrella", x=x, y=y, middle=x // 2)


def _develop(large: np.ndarray, shot: Shot, random: Stream) -> np.ndarray:
    """Average each 3 x 3 block, then light, blur and noise; (3H, 3W, 4) to (H, W, 3)."""
    small = Image.frombuffer("RGBX", (large.shape[1], large.shape[0]), large, "raw", "RGBX", 0, 1).reduce(OVERSAMPLING)
    image = np.asarray(small)[:, :, :3].astype(np.int32)
    image = image * np.array(shot.gain, dtype=np.int32) >> 8
    for _ in range(shot.blur):
        image = _blurred(image)
    if shot.noise:
        octets = random.octets(image.size * 2).reshape(2, *image.shape).astype(np.int32)
        image = image + ((octets[0] + octets[1] - 255) * shot.noise >> 8)
    return image.clip(0, 255).astype(np.uint8)


def _blurred(image: np.ndarray) -> np.ndarray:
    """A 1-2-1 filter down and across; the border repeats."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    return (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:] + 8) >> 4
