"""The features of an index and its image tokens: arrays that only grow, in files that are mapped into memory.

Legend: N rows, E common space, S tokens of an image, I wide.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from threadpoolctl import ThreadpoolController

from cada.errors import of_file
from cada.gallery.options import Stored

STORED: tuple[Stored, ...] = get_args(Stored)
RESIDENT = 2**27  # bytes of features that are kept in memory as float32; more stay float16 on the disk
AT_ONCE = 4096  # rows that are converted at a time, so that they stay in a processor's cache
# float16 to float32 by its bits: numpy's own conversion takes three times as long
_FLOATS = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)

# One thread of numpy's BLAS reads as fast as memory gives. More would spin for a while after each product, on the processors that the
# model's threads need next: one query in a hundred would then wait 100 ms.
_BLAS = ThreadpoolController()


class Column:
    """A file of equal rows."""

    def __init__(self, path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> None:
        self.path, self.shape, self.kind = path, shape, kind
        self.row_bytes = int(np.prod(shape)) * np.dtype(kind).itemsize

    def append(self, first: int, rows: np.ndarray) -> None:
        """Write `rows` behind the first `first` rows, over what an interrupted writer may have left there, down to the disk."""
        try:
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                file.truncate(first * self.row_bytes)
                file.seek(0, os.SEEK_END)
                file.write(np.ascontiguousarray(rows, dtype=self.kind).data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise of_file(error, self.path, "cannot be written") from error

    def read(self, count: int) -> np.ndarray:
        """The first `count` rows, mapped into memory."""
        if not count:
            return np.empty((0, *self.shape), self.kind)
        try:
            return np.memmap(self.path, self.kind, "r", shape=(count, *self.shape))
        except (OSError, ValueError) as error:
            raise of_file(error if isinstance(error, OSError) else OSError(str(error)), self.path, "cannot be read") from error


@dataclass(frozen=True)
class Features:
    """The unit features (N, E) of all rows, float32 in memory or float16 on the disk."""

    values: np.ndarray

    @classmethod
    def of(cls, stored: np.ndarray) -> Features:
        """Features as they are stored, brought into memory where they are few."""
        return cls(stored.astype(np.float32) if stored.size * 4 <= RESIDENT else stored)

    def scores(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Cosines (R,), float32, of some rows (R,) with a unit `query` (E,)."""
        with _BLAS.limit(limits=1, user_api="blas"):
            if len(rows) < len(self.values) / 4:  # copying these costs less than comparing all
                return self.values[rows].astype(np.float32) @ query
            scores = self._all(query)
        return scores if len(rows) == len(scores) else scores[rows]

    def _all(self, query: np.ndarray) -> np.ndarray:
        if self.values.dtype == np.float32:
            compared: np.ndarray = self.values @ query
            return compared
        scores, room = np.empty(len(self.values), np.float32), np.empty((AT_ONCE, self.values.shape[1]), np.float32)
        for start in range(0, len(scores), AT_ONCE):
            bits = self.values[start : start + AT_ONCE].view(np.uint16)
            np.dot(np.take(_FLOATS, bits, out=room[: len(bits)], mode="clip"), query, out=scores[start : start + len(bits)])
        return scores


class Tokens:
    """Image tokens (N, S, I) of all rows: as float16, or as int8 with one scale a token, or none at all."""

    def __init__(self, folder: Path, shape: tuple[int, int], stored: Stored) -> None:
        self.stored = stored
        self._values = Column(folder / "tokens.bin", shape, np.int8 if stored == "int8" else np.float16)
        self._scales = Column(folder / "scales.bin", (shape[0], 1), np.float32)

    @property
    def row_bytes(self) -> int:
        """What one image takes on the disk."""
        return sum(column.row_bytes for column in self.columns)

    @property
    def columns(self) -> list[Column]:
        """The files that there are."""
        return {"none": [], "float16": [self._values], "int8": [self._values, self._scales]}[self.stored]

    def append(self, first: int, tokens: np.ndarray) -> None:
        """Store tokens (n, S, I) behind the first `first` rows."""
        if self.stored == "int8":
            scales = np.maximum(np.abs(tokens).max(axis=2, keepdims=True) / 127, np.finfo(np.float32).tiny)
            self._scales.append(first, scales)
            tokens = np.rint(tokens / scales)
        if self.stored != "none":
            self._values.append(first, tokens)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The tokens (n, S, I), float32, of some rows."""
        count = int(rows.max()) + 1
        values = self._values.read(count)[rows].astype(np.float32)
        return values * self._scales.read(count)[rows] if self.stored == "int8" else values
