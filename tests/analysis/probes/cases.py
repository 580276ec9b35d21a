"""Captions for the probes: written by hand with their phrases in [brackets], or drawn by the generator's grammar."""

from __future__ import annotations

import re

from cada.analysis.probes.captions import CaptionPhrase, ProbedCaption
from cada.datasets.text import normalise_caption
from cada.synthpedes.attributes import families
from cada.synthpedes.captions import write_caption
from cada.synthpedes.randomness import Stream


def caption(marked: str, *, image: str = "a.jpg", number: int = 0) -> ProbedCaption:
    """Of "wears a [red hat]": phrases are marked, their last word is the head."""
    text, phrases = "", []
    for part in re.split(r"(\[.*?\])", marked):
        if part.startswith("["):
            phrases.append(CaptionPhrase(len(text), len(text) + len(part) - 2, part[1:-1].split(" ")[-1]))
        text += part.strip("[]")
    return ProbedCaption(image, number, text, tuple(phrases))


def drawn_captions(count: int = 60) -> list[ProbedCaption]:
    """Captions of the grammar with its own gold phrases."""
    captions = []
    for number, person in enumerate(families(3, "test", count)):
        written = write_caption(person.attributes, "front", frozenset(), Stream(3, number))
        phrases = tuple(CaptionPhrase(phrase.start, phrase.end, phrase.head) for phrase in written.phrases)
        captions.append(ProbedCaption(f"{number}.jpg", number % 2, normalise_caption(written.text), phrases))
    return captions
