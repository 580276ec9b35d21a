"""Words and punctuation of a raw caption, and where they are in the normalised caption.

The raw caption has the sentence ends, brackets and quotation marks that normalisation removes and the grammar needs.
Both are cut at the same places, so every word has an offset in each: that is the alignment.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from cada.datasets.text import MAX_WORDS

_WORD = re.compile(r'[^\s.!"()*#:;~]+')  # what cada.datasets.text keeps
_TOKEN = re.compile(
    r"""
    ["“]([^"“”]{0,40}\w[^"“”]{0,40})["”]                        # printed text
    | ([^\W_]+ (?:[-/][^\W_]+ | ['\u2019](?!s\b)[^\W_]+ )*)          # a word: t-shirt, black/white, don't
    | ['\u2019]s\b                                              # a man's, he's
    | [^\w\s]
    """,
    re.VERBOSE,
)
QUOTE, WORD = 1, 2
POSSESSIVE = "'s"


class Token(NamedTuple):
    """A word, a printed text without its quotation marks, or one sign; `start` and `end` index the lower-cased raw caption."""

    text: str
    start: int
    end: int
    kind: int | None  # QUOTE, WORD, or None for signs and 's


def tokenise(lowered: str) -> list[Token]:
    """Tokens of a lower-cased raw caption, in order."""
    return [
        Token(match[kind or 0].replace("\u2019", "'"), *match.span(kind or 0), kind)
        for match in _TOKEN.finditer(lowered)
        for kind in (match.lastindex,)
    ]


class Alignment:
    """Offsets in a lower-cased raw caption -> offsets in `normalise_caption` of the same caption."""

    def __init__(self, lowered: str, max_words: int = MAX_WORDS) -> None:
        words = list(_WORD.finditer(lowered))[:max_words]
        self._starts = [word.start() for word in words]
        self._ends = [word.end() for word in words]
        self._shifts: list[int] = []  # normalised minus raw offset, word by word
        position = 0
        for word in words:
            self._shifts.append(position - word.start())
            position += word.end() - word.start() + 1
        self.normalised = " ".join(word[0] for word in words)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Span in the normalised caption of what it keeps of a raw span; None where it reaches behind the caption's last word."""
        if not self._ends or end > self._ends[-1]:
            return None
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end) - 1
        if first > last:
            return None
        return max(start, self._starts[first]) + self._shifts[first], min(end, self._ends[last]) + self._shifts[last]
