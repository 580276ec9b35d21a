"""SynthPEDES: pedestrians drawn by code from a seed, captions from a grammar; no real person anywhere. `draw_set` draws a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cada.names import load_name

if TYPE_CHECKING:
    from cada.config import Persons, Synthesis
    from cada.synthpedes.generate import draw_set

_NAMES = {"Persons": "cada.config:Persons", "Synthesis": "cada.config:Synthesis", "draw_set": "cada.synthpedes.generate:draw_set"}


def __getattr__(name: str) -> Any:
    return load_name(__name__, name, _NAMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
