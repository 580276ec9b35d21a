"""Which images an index knows: a table in SQLite, written by one process while others read.

An *image* is a file, or a box of one. Its *content*, the bytes of the file and the box, has a row in the features; files with the same
bytes share it. A row is never given to other content, so a reader's features stay right while a writer adds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cada.errors import CadaError

NAME = "images.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS contents (row INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, box TEXT NOT NULL, UNIQUE (sha256, box));
CREATE TABLE IF NOT EXISTS images (
    path TEXT NOT NULL, box TEXT NOT NULL, bytes INTEGER NOT NULL, changed INTEGER NOT NULL, sha256 TEXT, row INTEGER, problem TEXT,
    time REAL NOT NULL, PRIMARY KEY (path, box)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS image_of_row ON images (row, path);
"""
_IMAGE = "path, box, bytes, changed, sha256, row, problem, time"
WHOLE = ""  # the box of an image that is searched as a whole


@dataclass(frozen=True)
class Entry:
    """An image. `box` is "x,y,width,height" in pixels, or WHOLE; `changed` the file's modification time in ns; `time` a POSIX time, when
    the image was taken as far as is known. One that cannot be read has a `problem` and no row.
    """

    path: str
    box: str
    bytes: int
    changed: int
    sha256: str | None
    row: int | None
    problem: str | None
    time: float


class Entries:
    """The table of an index's folder. Every call opens the file anew, so that any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def create(self) -> None:
        """Make the empty table, or what is missing of one whose making was killed."""
        with self._open() as table:
            table.execute("PRAGMA journal_mode = WAL")  # readers go on while a writer adds
            table.executescript(_SCHEMA)

    def version(self) -> int:
        """A number that grows with every change."""
        with self._open() as table:
            return table.execute("PRAGMA user_version").fetchone()[0]

    def rows(self, *, path: str | None = None, since: float | None = None, until: float | None = None) -> np.ndarray:
        """The rows with an image (N,), ascending: all, or those of images whose path fits the pattern `path` and whose time the span."""
        conditions = [("path GLOB ?", path), ("time >= ?", since), ("time < ?", until)]
        given = [(text, value) for text, value in conditions if value is not None]
        where = " AND ".join(["row IS NOT NULL", *(text for text, _ in given)])
        with self._open() as table:
            found = table.execute(f"SELECT DISTINCT row FROM images WHERE {where} ORDER BY row", [value for _, value in given])
            return np.fromiter((row for (row,) in found), dtype=np.int64)

    def of_rows(self, rows: Sequence[int]) -> dict[int, list[Entry]]:
        """The images of rows, by row, in the order of their paths."""
        found: dict[int, list[Entry]] = {row: [] for row in rows}
        with self._open() as table:
            for row in found:
                found[row] = [Entry(*image) for image in table.execute(f"SELECT {_IMAGE} FROM images WHERE row = ? ORDER BY path", [row])]
        return found

    def under(self, root: str) -> dict[tuple[str, str], Entry]:
        """The images in the folder `root`, or the file `root` itself, by path and box."""
        inside = root.rstrip("/") + "/"
        with self._open() as table:
            found = table.execute(
                f"SELECT {_IMAGE} FROM images WHERE path = ? OR substr(path, 1, ?) = ?", [root, len(inside), inside]
            ).fetchall()
        return {(image.path, image.box): image for image in (Entry(*row) for row in found)}

    def ends(self) -> tuple[str, str]:
        """The first and the last path in their order; both empty where there is none."""
        with self._open() as table:
            first, last = table.execute("SELECT min(path), max(path) FROM images").fetchone()
        return first or "", last or ""

    def problems(self) -> list[tuple[str, str]]:
        """The images that could not be read, with the reason."""
        with self._open() as table:
            return table.execute("SELECT path, problem FROM images WHERE problem IS NOT NULL ORDER BY path").fetchall()

    def row_numbers(self) -> dict[tuple[str, str], int]:
        """The row of every content that was ever encoded, by digest and box: 0, 1, 2 and so on."""
        with self._open() as table:
            return {(sha256, box): row for sha256, box, row in table.execute("SELECT sha256, box, row FROM contents")}

    def count(self) -> int:
        """How many rows the features have."""
        with self._open() as table:
            return table.execute("SELECT coalesce(max(row) + 1, 0) FROM contents").fetchone()[0]

    def change(self, *, remove: Iterable[tuple[str, str]] = (), put: Iterable[Entry] = ()) -> None:
        """Remove images by path and box and put others in, all or nothing; the rows of `put` must be in the features by now."""
        with self._open() as table:
            table.execute("BEGIN IMMEDIATE")
            table.executemany("DELETE FROM images WHERE path = ? AND box = ?", remove)
            for image in put:
                if image.row is not None:
                    table.execute("INSERT OR IGNORE INTO contents VALUES (?, ?, ?)", [image.row, image.sha256, image.box])
                values = [image.path, image.box, image.bytes, image.changed, image.sha256, image.row, image.problem, image.time]
                table.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            table.execute(f"PRAGMA user_version = {table.execute('PRAGMA user_version').fetchone()[0] + 1}")
            table.execute("COMMIT")

    def fold(self) -> None:
        """Bring what SQLite has written beside the table into it, so that it may be copied."""
        with self._open() as table:
            table.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=60, isolation_level=None)) as table:
                yield table
        except sqlite3.Error as error:
            raise CadaError(
                f"{self._path}: cannot be read or written: {error}. Check the disk, or delete the index and make it again."
            ) from error
