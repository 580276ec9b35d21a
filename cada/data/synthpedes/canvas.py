"""A canvas of materials and light, drawn in whole numbers, so that every machine makes the same pixels.

A canvas pixel holds `material * 64 + light`; the colours come at the end, by one look-up. Everything on a body is a *tube*: for every row
one span from edge to edge, lit across its width like a cylinder. Widths and centres are given at a few rows and joined by straight lines.
Pillow's own shapes are not used: their edges are computed in floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

LEVELS = 64
NEUTRAL = 40  # the light level at which a material shows its own colour
_SUB = 16  # sub-pixel steps of an edge
_UNIT = 1024  # denominator of the scale

Outline = Sequence[tuple[int, int, int]]  # (y, centre, half width) in body units, from top to bottom
Pattern = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (u -32..32 across, v body units down) -> 0 or 1


def _cylinder(peak: int) -> np.ndarray:
    """Light level for u = -33 .. 33 across a tube that is brightest at `peak`; the far edge falls into shade."""
    u = np.arange(-33, 34)
    return (NEUTRAL + 5 - (u - peak) ** 2 * 18 // 1600).clip(0, LEVELS - 1).astype(np.int16)


LIGHT = {side: _cylinder(side * 14) for side in (-1, 0, 1)}
FLAT = np.full(67, NEUTRAL, dtype=np.int16)


class Canvas:
    """`code` is (rows, columns) of uint16; body units are placed by an origin (pixels) and a scale (1/1024 pixel per unit)."""

    def __init__(self, height: int, width: int) -> None:
        self.code = np.zeros((height, width), dtype=np.int16)
        self.light = LIGHT[0]
        self.place(0, 0, _UNIT)

    def place(self, x: int, y: int, scale: int) -> None:
        """Put the origin of body units at pixel (x, y)."""
        self.x, self.y, self.scale = x, y, scale

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
        """Fill one span per row. `shade` moves the light level; where `pattern` is 1 the `second` material shows; `folds` are light by row."""
        points = np.array(outline, dtype=np.int64)
        rows_at = self.y + (points[:, 0] * self.scale) // _UNIT
        edges = points[:, 1:] * (self.scale * _SUB) // _UNIT
        top, bottom = max(int(rows_at[0]), 0), min(int(rows_at[-1]), self.code.shape[0])
        if top >= bottom:
            return
        rows = np.arange(top, bottom)
        segment = (np.searchsorted(rows_at, rows, side="right") - 1).clip(0, len(points) - 2)
        part = rows - rows_at[segment]
        whole = (rows_at[segment + 1] - rows_at[segment]).clip(1)
        spans = edges[segment] + (edges[segment + 1] - edges[segment]) * part[:, None] // whole[:, None]
        centre, half = spans[:, 0] + self.x * _SUB, spans[:, 1].clip(1)
        low = max(int((centre - half).min()) // _SUB, 0)
        high = min(int((centre + half).max()) // _SUB + 1, self.code.shape[1])
        if low >= high:
            return
        offset = (np.arange(low, high, dtype=np.int32) * _SUB + _SUB // 2)[None, :] - centre.astype(np.int32)[:, None]
        u = (offset * ((33 << 12) // half).astype(np.int32)[:, None]) >> 12
        inside = (u >= -32) & (u <= 32)
        np.clip(u, -33, 33, out=u)
        value = (FLAT if flat else self.light)[u + 33]
        level = shade
        if folds is not None:
            value = value + folds[(rows - self.y) % len(folds)][:, None]
        base = material * LEVELS
        if pattern is not None:
            down = ((rows - self.y) * _UNIT // self.scale).astype(np.int32)[:, None]
            base = base + pattern(u, down).astype(np.int16) * ((second - material) * LEVELS)
        value = (value + level).clip(0, LEVELS - 1) + base
        np.copyto(self.code[top:bottom, low:high], value.astype(np.int16, copy=False), where=inside)

    def box(self, top: int, bottom: int, low: int, high: int, material: int, *, light: int = NEUTRAL) -> None:
        """Fill a rectangle given in canvas pixels; what lies outside the canvas is cut off."""
        self.code[max(top, 0) : max(bottom, 0), max(low, 0) : max(high, 0)] = material * LEVELS + light

    def darken(self, top: int, bottom: int, low: int, high: int, amount: np.ndarray | int) -> None:
        """Take light away from a rectangle given in canvas pixels."""
        area = self.code[max(top, 0) : max(bottom, 0), max(low, 0) : max(high, 0)]
        light = area & (LEVELS - 1)
        area -= np.minimum(light, amount).astype(np.int16)

    def mirror(self) -> None:
        """Exchange the sides."""
        self.code = np.ascontiguousarray(self.code[:, ::-1])


def colour_table(colours: np.ndarray) -> np.ndarray:
    """Colours of every code: from `colours` (materials, 3) of 0..255 to (materials * 64, 4) of uint8, the fourth byte unused."""
    levels = np.arange(LEVELS, dtype=np.int32)
    factor = 84 + levels * 172 // NEUTRAL  # 256 at the neutral level
    gloss = (levels - NEUTRAL).clip(0)  # so that black has folds too
    table = np.zeros((len(colours), LEVELS, 4), dtype=np.int32)
    table[:, :, :3] = (colours[:, None, :].astype(np.int32) * factor[None, :, None] >> 8) + gloss[None, :, None]
    return table.clip(0, 255).astype(np.uint8).reshape(-1, 4)
