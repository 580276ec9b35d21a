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
class CaptionPhrase:
    """An attribute phrase; `start` and `end` index the caption's text."""

    start: int
    end: int
    head: str


@dataclass(frozen=True)
class ProbedCaption:
    """Caption `number` of an image: `normalise_caption` of it, and its phrases in order, without overlaps."""

    image: str
    number: int
    text: str
    phrases: tuple[CaptionPhrase, ...]


def read_captions(split: Split, phrases: pd.DataFrame) -> list[ProbedCaption]:
    """The split's captions with their rows of the phrase table."""
    found: dict[tuple[str, int], list[CaptionPhrase]] = {}
    columns = (phrases[name] for name in ("image", "caption", "start", "end", "head"))
    for image, number, start, end, head in zip(*columns, strict=True):
        found.setdefault((image, number), []).append(CaptionPhrase(start, end, head))
    names = ((split.image_names[row], int(number)) for row, number in zip(split.caption_image, split.caption_number, strict=True))
    return [
        ProbedCaption(*name, normalise_caption(text), tuple(found.get(name, ()))) for name, text in zip(names, split.captions, strict=True)
    ]


def rewrite(text: str, changes: Sequence[tuple[Span, str]]) -> str:
    """Replace each span by its new words. Spans are in order, without overlaps.

    An article right before a changed span is adapted: "a red bag" becomes "an orange bag". It stays as it was where the old and the new
    words both begin with a vowel, or both do not, so that "a uniform" stays right.
    """
    for (start, end), words in reversed(changes):
        before = text[:start]
        if (text[start] in _VOWELS) != (words[0] in _VOWELS):
            before = _ARTICLE.sub("an " if words[0] in _VOWELS else "a ", before)
        text = before + words + text[end:]
    return text
