"""Images into an index: what is new is read, encoded and stored, batch by batch, so that an interrupted run goes on.

Legend: n images, H height, W width.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from tqdm import tqdm

from cada.errors import ArgumentError
from cada.gallery.backend import Backend
from cada.gallery.boxes import Box
from cada.gallery.entries import WHOLE, Entries, Entry
from cada.gallery.features import Column, Tokens
from cada.gallery.sources import Content, Found, Unreadable, read_content

BATCH = 64  # images that are encoded at a time
COMMIT = 512  # images after which what is there is stored for good
AHEAD = 128  # files that are read ahead
COPIED = 4096  # rows that are copied at a time where indexes are merged


@dataclass
class Indexed:
    """What an indexing did, in images; those with several boxes count several times. `skipped`: paths and reasons."""

    added: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Store:
    """Where an index keeps what it knows of its images."""

    entries: Entries
    features: Column
    tokens: Tokens


def in_part(files: Iterable[Found], root: Path, part: tuple[int, int]) -> Iterator[Found]:
    """The files of part i of n, from 1: which one a file is in depends on its path below `root` alone."""
    number, of = part
    return (file for file in files if crc32(file.path.relative_to(root).as_posix().encode()) % of == number - 1)


def merge(store: Store, part: Store) -> None:
    """Bring all that `part` has into `store`: what is stored is copied, row by row, and nothing is encoded again."""
    rows, of_part = store.entries.row_numbers(), part.entries.row_numbers()
    new = {key: row for key, row in sorted(of_part.items(), key=lambda item: item[1]) if key not in rows}
    count, first = len(of_part), len(rows)
    rows |= {key: first + place for place, key in enumerate(new)}
    wanted = np.fromiter(new.values(), dtype=np.int64, count=len(new))
    for mine, theirs in zip((store.features, *store.tokens.columns), (part.features, *part.tokens.columns), strict=True):
        stored = theirs.read(count)
        for start in range(0, len(wanted), COPIED):
            mine.append(first + start, stored[wanted[start : start + COPIED]])
    entries = part.entries.under("/").values()
    store.entries.change(put=(replace(entry, row=rows[entry.sha256, entry.box] if entry.sha256 else None) for entry in entries))


class Indexing:
    """One run of the writer: `add` files, then `finish`."""

    def __init__(self, store: Store, backend: Backend, known: Mapping[tuple[str, str], Entry]) -> None:
        self.report = Indexed()
        self._store, self._backend, self._known = store, backend, known
        self._rows = store.entries.row_numbers()  # of each content
        self._next = len(self._rows)
        self._seen: set[tuple[str, str]] = set()
        self._entries: list[Entry] = []
        self._images: list[np.ndarray] = []
        self._gone: set[str | None] = set()  # digests of files that are no longer where they were

    def add(self, files: Iterable[Found], boxes: Mapping[Path, Sequence[Box]] | None) -> None:
        """Read and store what has changed of `files`; with `boxes`, those of each file, and no file without any."""
        files = list(files)
        if boxes and files and not any(file.path.resolve() in boxes for file in files):
            first = next(iter(boxes))
            raise ArgumentError("boxes", f"none of its {len(boxes):,} images is one of the {len(files):,} to index; its first is {first}")
        there, known = {str(file.path) for file in files}, [entry for entry in self._known.values() if entry.sha256]
        self._gone = {entry.sha256 for entry in known} - {entry.sha256 for entry in known if entry.path in there}
        new = [(file, wanted) for file in files if (wanted := self._wanted(file, boxes)) and not self._is_unchanged(file, wanted)]
        progress = tqdm(total=len(new), desc="index", unit=" images", disable=None, leave=False)
        for (file, wanted), content in zip(new, self._read(new), strict=True):
            self._take(file, wanted, content)
            progress.update()
            if len(self._images) >= COMMIT or len(self._entries) >= 8 * COMMIT:
                self._store_batch()
        self._store_batch()
        progress.close()

    def finish(self) -> Indexed:
        """Forget the images that were known and not seen again, and say what was done."""
        gone = [key for key in self._known if key not in self._seen]
        if gone:
            self._store.entries.change(remove=gone)
        self.report.removed = max(0, len(gone) - self.report.moved)
        return self.report

    def _wanted(self, file: Found, boxes: Mapping[Path, Sequence[Box]] | None) -> Sequence[Box]:
        return [Box(WHOLE)] if boxes is None else boxes.get(file.path.resolve(), [])

    def _is_unchanged(self, file: Found, wanted: Sequence[Box]) -> bool:
        """Whether the file is as it was, by its size and time; its images are then seen."""
        keys = [(str(file.path), box.text) for box in wanted]
        entries = [self._known.get(key) for key in keys]
        if any(entry is None or (entry.bytes, entry.changed) != (file.bytes, file.changed) for entry in entries):
            return False
        self._seen.update(keys)
        for entry in entries:
            if entry is not None and entry.problem:
                self.report.skipped.append((entry.path, entry.problem))
            else:
                self.report.unchanged += 1
        return True

    def _read(self, new: Sequence[tuple[Found, Sequence[Box]]]) -> Iterator[Content | str]:
        """The content of each file, or why it has none, in order, read by threads ahead of its turn."""

        def read(file: Found, wanted: Sequence[Box]) -> Content | str:
            try:
                return read_content(file.path, [box.text for box in wanted], self._backend.image_size, known=self._rows)
            except Unreadable as error:
                return str(error)

        pending: deque[Future[Content | str]] = deque()
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="read") as pool:
            try:
                for item in new:
                    pending.append(pool.submit(read, *item))
                    if len(pending) == AHEAD:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def _take(self, file: Found, wanted: Sequence[Box], content: Content | str) -> None:
        for box in wanted:
            self._seen.add((str(file.path), box.text))
            image = content if isinstance(content, str) else content.images.get(box.text)
            if isinstance(image, str):
                self.report.skipped.append((str(file.path), image))
                self._entries.append(Entry(str(file.path), box.text, file.bytes, file.changed, None, None, image, 0.0))
                continue
            assert not isinstance(content, str)
            key = (content.sha256, box.text)
            if key not in self._rows:
                assert image is not None
                self._rows[key] = self._next + len(self._images)
                self._images.append(image)
            if content.sha256 in self._gone:
                self.report.moved += 1
            else:
                self.report.added += 1
            time = next(known for known in (box.time, content.time, file.changed / 1e9) if known is not None)
            self._entries.append(Entry(str(file.path), box.text, file.bytes, file.changed, content.sha256, self._rows[key], None, time))

    def _store_batch(self) -> None:
        """Features and tokens first, down to the disk, then the entries that name them."""
        for start in range(0, len(self._images), BATCH):
            features, tokens = self._backend.encode_images(np.stack(self._images[start : start + BATCH]))
            self._store.features.append(self._next, features)
            self._store.tokens.append(self._next, tokens)
            self._next += len(features)
        if self._entries:
            self._store.entries.change(put=self._entries)
        self._images.clear()
        self._entries.clear()
