"""Where things are: whose every pixel of a drawn image is, and which slot a phrase of a drawn caption speaks of; from the seed alone.

The scene is drawn once more, on a canvas on which every material says whose it is. The labels are of the image before light, blur and
noise, which move no edge by more than three pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cada.config import Synthesis
from cada.phrases.masking import Span
from cada.synthpedes.attributes import Person
from cada.synthpedes.canvas import LEVELS, Canvas, Outline
from cada.synthpedes.captions import GoldPhrase
from cada.synthpedes.drawing import BACKGROUND, OCCLUDER, OVERSAMPLING, draw_scene
from cada.synthpedes.generate import Task, captions_of, shot_of
from cada.synthpedes.materials import Material
from cada.synthpedes.randomness import Stream
from cada.synthpedes.scene import Shot

# person: skin and face, and the shirt below an open jacket, which no caption speaks of.
LABELS = (BACKGROUND, OCCLUDER, "person", "hair", "hat", "glasses", "upper", "pattern", "lower", "shoes", "bag", "umbrella")
CARRIED = ("bag", "umbrella")
WORN = tuple(label for label in LABELS[2:] if label not in CARRIED)
# The labels that a phrase's slot is shown by, where it is not its own: the build by the body with all that is on it.
SHOWN_BY = {"upper": ("upper", "pattern"), "build": WORN}
SLOTS = ("build", *LABELS[3:])  # that phrases speak of

_BEHIND = frozenset(
    {
        Material.WALL,
        Material.WALL_DETAIL,
        Material.GROUND,
        Material.GROUND_DETAIL,
        Material.CLUTTER,
        Material.CLUTTER_DETAIL,
        Material.LEAVES,
    }
)
_OWNERS = {
    Material.OCCLUDER: OCCLUDER,
    **dict.fromkeys((Material.SKIN, Material.LIPS, Material.EYE, Material.INNER), "person"),
    **{Material.HAIR: "hair", Material.HAT: "hat", Material.LENS: "glasses", Material.UPPER: "upper", Material.PATTERN: "pattern"},
    **{Material.LOWER: "lower", Material.SHOES: "shoes", Material.SOLE: "shoes", Material.BAG: "bag", Material.UMBRELLA: "umbrella"},
}
_LABEL = np.array([LABELS.index(_OWNERS.get(material, BACKGROUND)) for material in Material], dtype=np.uint8)


class LabelCanvas(Canvas):
    """A canvas that takes every material of another's for that other's own: a lens of the glasses is one, that of a car is not."""

    def __init__(self, height: int, width: int, *, bald: bool) -> None:
        super().__init__(height, width)
        self._bald = bald

    def tube(self, outline: Outline, material: int, *, second: int = 0, **options: Any) -> None:
        super().tube(outline, self._own(material), second=self._own(second), **options)

    def box(self, top: int, bottom: int, low: int, high: int, material: int, **options: Any) -> None:
        super().box(top, bottom, low, high, self._own(material), **options)

    def labels(self) -> np.ndarray:
        """The index in LABELS of every pixel's middle: (height, width) of uint8, of the image and not of the canvas."""
        middle = OVERSAMPLING // 2
        return _LABEL[self.code[middle::OVERSAMPLING, middle::OVERSAMPLING] // LEVELS]

    def _own(self, material: int) -> int:
        """The material that stands for whose it is, in the part that is being drawn."""
        if self.part == OCCLUDER:
            return Material.OCCLUDER
        if self.part == BACKGROUND:
            return material if material in _BEHIND else Material.WALL
        if material == Material.SKIN and self.part == "head" and self._bald:
            return Material.HAIR  # what "bald head" speaks of
        if material in (Material.LENS, Material.GLASS):
            return Material.LENS if self.part == "glasses" else Material.HAIR  # the band of a ponytail
        if material in (Material.BUCKLE, Material.METAL):
            return {"upper": Material.UPPER, "umbrella": Material.UMBRELLA}.get(self.part, Material.BAG)
        return material


def draw_labels(person: Person, shot: Shot, size: tuple[int, int], random: Stream) -> np.ndarray:
    """The label (height, width) of every pixel of what `draw_image` draws with the same arguments: an index in LABELS."""
    height, width = size
    canvas = LabelCanvas(height * OVERSAMPLING, width * OVERSAMPLING, bald=person.attributes.hair == "bald")
    draw_scene(canvas, person, shot, random)
    return canvas.labels()


def labels_of(task: Task, synthesis: Synthesis) -> np.ndarray:
    """The label (height, width) of every pixel of an image of a drawn set: an index in LABELS."""
    shot, random = shot_of(task, synthesis)
    return draw_labels(task.person, shot, synthesis.size, random)


def region(labels: np.ndarray, slot: str) -> np.ndarray:
    """Which pixels of a label map show a slot of SLOTS: booleans of the map's shape."""
    return np.isin(labels, [LABELS.index(label) for label in SHOWN_BY.get(slot, (slot,))])


def body(labels: np.ndarray) -> np.ndarray:
    """Which pixels of a label map are the person's, with all that is worn and carried: booleans of the map's shape."""
    return np.isin(labels, [LABELS.index(label) for label in (*WORN, *CARRIED)])


def gold_phrases(task: Task, synthesis: Synthesis) -> list[tuple[GoldPhrase, ...]]:
    """The phrases of each caption of an image of a drawn set, with their slots."""
    return [caption.phrases for caption in captions_of(task, synthesis, shot_of(task, synthesis)[0])]


def slot_of(span: Span, gold: Sequence[GoldPhrase]) -> str | None:
    """The slot of the gold phrase that shares most characters with a span of the normalised caption; None where none shares any."""
    shared = {phrase: min(span[1], phrase.end) - max(span[0], phrase.start) for phrase in gold}
    best = max(shared, key=lambda phrase: shared[phrase], default=None)
    return best.slot if best is not None and shared[best] > 0 else None
