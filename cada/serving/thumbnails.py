"""Images as they are sent: JPEG without metadata, the last ones kept in memory."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from pathlib import Path

from cada.gallery.entries import Entry
from cada.gallery.sources import open_image

KEPT = 64_000_000  # bytes
QUALITY = 85


def tag_of(entry: Entry, width: int) -> str:
    """The ETag of an image: another for other content, another box and another width."""
    return f'"{hashlib.sha256(f"{entry.sha256} {entry.box} {width}".encode()).hexdigest()[:32]}"'


class Thumbnails:
    """Any thread may ask."""

    def __init__(self, kept: int = KEPT) -> None:
        self._most, self._size, self._lock = kept, 0, threading.Lock()
        self._images: OrderedDict[str, bytes] = OrderedDict()

    def get(self, entry: Entry, width: int) -> bytes:
        """The image, at most `width` pixels wide. Errors: `cada.gallery.sources.Unreadable`."""
        tag = tag_of(entry, width)
        with self._lock:
            if tag in self._images:
                self._images.move_to_end(tag)
                return self._images[tag]
        content = io.BytesIO()
        open_image(Path(entry.path), entry.box, width=width).save(content, "JPEG", quality=QUALITY)
        self._keep(tag, content.getvalue())
        return content.getvalue()

    def _keep(self, tag: str, content: bytes) -> None:
        with self._lock:
            if tag not in self._images:
                self._images[tag], self._size = content, self._size + len(content)
            while self._size > self._most:
                self._size -= len(self._images.popitem(last=False)[1])
