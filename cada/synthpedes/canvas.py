"""A canvas of materials and light, drawn in whole numbers, so that every machine makes the same pixels.

A canvas pixel holds `material * 64 + light`; the colours come at the end, by one look-up. Everything on a body is a *tube*: for every row
one span from edge to edge, lit across its width like a cylinder. Widths and centres are given at a few rows and joined by straight lines.
Pillow's own shapes are not used: their edges are computed in floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

LEVELS = 64
NEUTRAL = 40  # the light level at which a material shows its own colour
FOLD_DEPTH = 8  # folds change the light by this much at most
UNIT = 1024  # denominator of the scale

_SUB = 16  # sub-pixel steps of an edge
_ACROSS = 33  # u runs from -32 to 32 across a tube; one beyond is outside
_FINE = 12  # binary digits after the point of u
_OUTSIDE = -(1 << 14)

Outline = Sequence[tuple[int, int, int]]  # (y, centre, half width) in body units, from top to bottom
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (u 1..65 across, v body units down) -> True where the second material shows


@cache
def _codes(material: int, shade: int, peak: int | None) -> np.ndarray:
    """Code for u + 33 = 0 .. 66 across a tube; brightest at `peak`, falling into shade at the edges; flat without a peak."""
    u = np.arange(-_ACROSS, _ACROSS + 1)
    light = np.full(len(u), NEUTRAL) if peak is None else NEUTRAL + 5 - (u - peak) ** 2 * 24 // 1600
    codes = material * LEVELS + np.clip(light + shade, FOLD_DEPTH, LEVELS - 1 - FOLD_DEPTH)
    codes[[0, -1]] = _OUTSIDE
    return codes.astype(np.int16)


class Canvas:
    """`code` is (rows, columns) of int16; body units are placed by an origin (pixels) and a scale (1/1024 pixel per unit)."""

    def __init__(self, height: int, width: int) -> None:
        self.code = np.zeros((height, width), dtype=np.int16)
        self.part = ""  # of the scene or the body, by the names of shapes.yaml: what is being drawn
        self.peak = 0
        self.place(0, 0, UNIT)

    def place(self, x: int, y: int, scale: int) -> None:
        """Put the origin of body units at pixel (x, y)."""
        self.x, self.y, self.scale = x, y, scale

    def light_from(self, side: int) -> None:
        """Let the light come from the side -1 or 1, or from the camera (0)."""
        self.peak = side * 14

    def tube(
        self,
        outline: Outline,
        material: int,
        *,
        second: int = 0,
        pattern: Pattern | None = None,
        folds: np.ndarray | None = None,
        shade: int = 0,
        flat: bool = False,
    ) -> None:
        """Fill one span per row. `shade` moves the light level; where `pattern` is true the `second` material shows.

        `folds` are 64 light levels that repeat down and, slantwise, across the tube.
        """
        top, centres, halves = self._spans(outline)
        if not centres:
            return
        low = max(min(map(int.__sub__, centres, halves)) // _SUB, 0)
        high = min(max(map(int.__add__, centres, halves)) // _SUB + 1, self.code.shape[1])
        if low >= high:
            return
        slope = [(_ACROSS << _FINE) // half for half in halves]
        start = [(_ACROSS << _FINE) - centre * step for centre, step in zip(centres, slope, strict=True)]
        x = np.arange(low, high) * _SUB + _SUB // 2
        u = (x * np.array(slope)[:, None] + np.array(start)[:, None]) >> _FINE
        code = _codes(material, shade, None if flat else self.peak).take(u, mode="clip")
        rows = np.arange(top, top + len(centres))[:, None] - self.y
        if folds is not None:
            code += folds.take((rows * UNIT // self.scale + (u >> 2)) & 63)
        if pattern is not None:
            code += pattern(u, rows * UNIT // self.scale) * np.int16((second - material) * LEVELS)
        np.copyto(self.code[top : top + len(centres), low:high], code, where=code >= 0)

    def stroke(self, x: int, outline: Outline, material: int, *, shade: int = 0) -> None:
        """A tube around the column `x`, its outline in canvas pixels."""
        self.place(x, 0, UNIT)
        self.tube(outline, material, shade=shade)

    def _spans(self, outline: Outline) -> tuple[int, list[int], list[int]]:
        """First row on the canvas, and per row the centre and the half width in sub-pixels."""
        scale, height = self.scale, self.code.shape[0]
        centres, halves = [], []
        points = [(self.y + y * scale // UNIT, self.x * _SUB + c * scale * _SUB // UNIT, h * scale * _SUB // UNIT) for y, c, h in outline]
        for (row, centre, half), (next_row, next_centre, next_half) in pairwise(points):
            length = next_row - row
            for step in range(max(-row, 0), min(next_row, height) - row):
                centres.append(centre + (next_centre - centre) * step // length)
                halves.append(max(half + (next_half - half) * step // length, 2))
        return max(points[0][0], 0), centres, halves

    def box(self, top: int, bottom: int, low: int, high: int, material: int, *, light: int = NEUTRAL) -> None:
        """Fill a rectangle given in canvas pixels; what lies outside the canvas is cut off."""
        self.code[max(top, 0) : max(bottom, 0), max(low, 0) : max(high, 0)] = material * LEVELS + light

    def darken(self, top: int, bottom: int, low: int, high: int, amount: int) -> None:
        """Take light away from a rectangle given in canvas pixels."""
        area = self.code[max(top, 0) : max(bottom, 0), max(low, 0) : max(high, 0)]
        area -= np.minimum(area & (LEVELS - 1), amount)

    def mirror(self) -> None:
        """Exchange the sides."""
        self.code = np.ascontiguousarray(self.code[:, ::-1])

    def coloured(self, colours: np.ndarray) -> np.ndarray:
        """(rows, columns, 4) of uint8 from the colours (materials, 3) of 0..255; the fourth byte means nothing."""
        levels = np.arange(LEVELS, dtype=np.int32)
        factor = 84 + levels * 172 // NEUTRAL  # 256 at the neutral level
        gloss = np.maximum(levels - NEUTRAL, 0)  # so that black has folds too
        table = np.zeros((len(colours), LEVELS, 4), dtype=np.int32)
        table[:, :, :3] = (colours[:, None, :] * factor[None, :, None] >> 8) + gloss[None, :, None]
        packed = np.minimum(table, 255).astype(np.uint8).view(np.uint32).reshape(-1)
        return packed.take(self.code).view(np.uint8).reshape(*self.code.shape, 4)
