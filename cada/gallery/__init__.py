"""One's own images: indexed once, searched by sentences and images. `Index` is the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cada.names import load_name

if TYPE_CHECKING:
    from cada.gallery.index import Index
    from cada.gallery.query import Part, Query
    from cada.gallery.release import Release
    from cada.gallery.searching import Hit

_NAMES = {
    "Hit": "cada.gallery.searching:Hit",
    "Index": "cada.gallery.index:Index",
    "Part": "cada.gallery.query:Part",
    "Query": "cada.gallery.query:Query",
    "Release": "cada.gallery.release:Release",
}


def __getattr__(name: str) -> Any:
    return load_name(__name__, name, _NAMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
