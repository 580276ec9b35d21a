"""Captions as the probes change them: the normalised text, which is what the tokenizer reads, and its attribute phrases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cada.datasets.loading import Split
from cada.datasets.text import normalise_caption
from cada.phrases.masking import Span

_ARTICLE = re.compile(r"(?<![\w-])(an?)( )$")
_VOWELS = "aeiou"


@dataclass(frozen=True)
class Phrase:
    """An attribute phrase; `start` and `end` index the caption's text."""

    start: int
    end: int
    head: str


@dataclass(frozen=True)
class Caption:
    """Caption `number` of a picture: `normalise_caption` of it, and its phrases in order, without overlaps."""

    image: str
    number: int
    text: str
    phrases: tuple[Phrase, ...]


def read_captions(split: Split, phrases: pd.DataFrame) -> list[Caption]:
    """The split's captions with their rows of the phrase table."""
    found: dict[tuple[str, int], list[Phrase]] = {}
    columns = (phrases[name] for name in ("image", "caption", "start", "end", "head"))
    for image, number, start, end, head in zip(*columns, strict=True):
        found.setdefault((image, number), []).append(Phrase(start, end, head))
    names = ((split.image_names[row], int(number)) for row, number in zip(split.caption_image, split.caption_number, strict=True))
    return [Caption(*name, normalise_caption(text), tuple(found.get(name, ()))) for name, text in zip(names, split.captions, strict=True)]


def rewrite(text: str, changes: Sequence[tuple[Span, str]]) -> str:
    """Put each change's words where its span is. Spans are in order, without overlaps.

    An article right before a changed span follows: "a red bag" becomes "an orange bag". Where old and new words both begin
    with a vowel or both with none, it stays as it was, so "a uniform" is no trap.
    """
    for (start, end), words in reversed(changes):
        before = text[:start]
        if (text[start] in _VOWELS) != (words[0] in _VOWELS):
            before = _ARTICLE.sub("an " if words[0] in _VOWELS else "a ", before)
        text = before + words + text[end:]
    return text
