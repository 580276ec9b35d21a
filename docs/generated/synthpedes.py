"""What SynthPEDES draws, from the tables of the generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cada.synthpedes import attributes as tables
from cada.synthpedes.captions import MENTION

Weights = Mapping[Any, int]
FURTHER: Mapping[str, Weights] = {
    "hair_colour": tables.HAIR_COLOURS,
    "umbrella": {None: 100 - tables.UMBRELLA_PERCENT, "umbrella": tables.UMBRELLA_PERCENT},
}


def page() -> str:
    """A row for each slot that is no colour of a garment: its values, and how often a caption speaks of it where it is seen."""
    lines = [f"| {slot} | {values} | {f'{MENTION[slot]} %' if slot in MENTION else ''} |" for slot, values in rows()]
    return "| slot | values, in per cent | named where it is seen |\n|---|---|---|\n" + "\n".join(lines) + "\n"


def rows() -> Iterator[tuple[str, str]]:
    for slot, weights in {**tables.OF_ANYBODY, **FURTHER}.items():
        yield slot.replace("_", " "), shares(weights)
    for slot, by_sex in tables.OF_SEX.items():
        yield slot, "; ".join(f"{sex}: {shares(weights)}" for sex, weights in by_sex.items())
    yield "colours of things", ", ".join(tables.COLOURS)


def shares(weights: Weights) -> str:
    """The values with their shares of 100."""
    whole = sum(weights.values())
    return ", ".join(f"{value or 'none'} {100 * weight / whole:g}" for value, weight in weights.items())
