"""The body that an image shows: its measures, and how it stands.

Body units: 240 from the crown (y 0) to the soles (y 240), x from the axis. The near side of a body seen from the side looks toward +x;
mirroring is left to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cada.synthpedes.attributes import COLOUR_SLOTS, Attributes
from cada.synthpedes.canvas import Canvas, Outline

SHOULDER, WAIST, HIP, KNEE, ANKLE, SOLE = 48, 98, 118, 174, 222, 239
FAR = -7  # light taken from the limb on the far side
# Half widths at shoulder, chest, waist and hip.
_FRONT = {"man": (25, 23, 20, 20), "woman": (21, 19, 15, 21)}
_SIDE = {"man": (12, 15, 14, 15), "woman": (11, 15, 11, 16)}
_GIRTH = {"slim": (90, 88, 84, 90), "average": (100, 100, 100, 100), "heavy": (114, 122, 142, 124)}
_LIMB = {"slim": 86, "average": 100, "heavy": 120}


class Pose(NamedTuple):
    """How the body stands: the view, the stride (body units from the axis to a foot, 0 when standing) and the swing of the arms."""

    view: str
    stride: int
    swing: int
    lift: int


class Leg(NamedTuple):
    """Its x at the hip and at the foot, the length that a lifted foot takes off, and its shade."""

    hip_x: int
    foot_x: int
    lift: int
    shade: int


@dataclass(frozen=True)
class Figure:
    """A person about to be drawn: the canvas, the attributes, the pose, half widths, and the folds of the cloth."""

    canvas: Canvas
    attributes: Attributes
    pose: Pose
    shoulder: int
    chest: int
    waist: int
    hip: int
    limb: int  # per cent
    folds: np.ndarray
    words: frozenset[str]  # the view and the attributes, as shapes.yaml calls them

    @property
    def sideways(self) -> bool:
        return self.pose.view == "side"

    def thick(self, width: int) -> int:
        """A limb's half width at this build."""
        return width * self.limb // 100

    def torso(self, hem: int, *, slack: int = 0, flare: int = 0) -> Outline:
        """From the neck to `hem`: `slack` widens all of it, `flare` the hem."""
        outline = [
            (40, 0, 7),
            (43, 0, 7 + (self.shoulder - 7) // 2),
            (47, 0, self.shoulder - 3 + slack),
            (53, 0, self.shoulder + slack),
            (70, 0, self.chest + slack),
            (WAIST, 0, self.waist + slack + flare // 4),
            (HIP, 0, self.hip + slack + flare // 2),
        ]
        return [*outline, (hem, 0, self.hip + slack + flare)] if hem > HIP else outline

    def legs(self) -> list[Leg]:
        """Both legs, the far one first."""
        if self.sideways:
            return [Leg(-1, -self.pose.stride, self.pose.lift, FAR), Leg(1, self.pose.stride, 0, 0)]
        near, spread = self.hip // 2, self.hip // 2 - 1
        return [Leg(-near, -spread, self.pose.lift, 0), Leg(near, spread, 0, 0)]


def make_figure(canvas: Canvas, attributes: Attributes, pose: Pose, folds: np.ndarray) -> Figure:
    """The figure of a person in this pose."""
    base = (_SIDE if pose.view == "side" else _FRONT)[attributes.sex]
    shoulder, chest, waist, hip = (width * girth // 100 for width, girth in zip(base, _GIRTH[attributes.build], strict=True))
    shown = attributes.present().items()
    words = {pose.view, *(f"{slot}={value}" if slot in COLOUR_SLOTS else value.replace(" ", "_") for slot, value in shown)}
    return Figure(canvas, attributes, pose, shoulder, chest, waist, hip, _LIMB[attributes.build], folds, frozenset(words))
