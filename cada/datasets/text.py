"""The caption as the model sees it (published pre-processing, method section 4)."""

from __future__ import annotations

import re

MAX_WORDS = 72
_TO_SPACE = re.compile(r'[.!"()*#:;~]')
_SPACES = re.compile(r"\s+")


def normalise_caption(caption: str, max_words: int = MAX_WORDS) -> str:
    """Lower-case; `. ! " ( ) * # : ; ~` become spaces; white space collapses; the first `max_words` words.

    Keeps `, - ' / ? &` and digits. Phrase spans and word pieces index this string.
    """
    text = _SPACES.sub(" ", _TO_SPACE.sub(" ", caption.lower())).strip()
    return " ".join(text.split(" ")[:max_words])
