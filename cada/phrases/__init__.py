"""Attribute phrases of captions: `parse` gives those of one caption, each with its span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cada.names import load_name

if TYPE_CHECKING:
    from cada.phrases.chunking import Phrase, parse

_NAMES = {"Phrase": "cada.phrases.chunking:Phrase", "parse": "cada.phrases.chunking:parse"}


def __getattr__(name: str) -> Any:
    return load_name(__name__, name, _NAMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
