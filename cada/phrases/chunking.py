"""The grammar of attribute phrases, a regular expression over the tags of a caption.

What counts as a phrase is written at the top of tests/phrases/handwritten.txt: modifiers and head noun of something seen on or with the
person, without determiners. The tags are those of `cada.phrases.lexicon`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cada.datasets.text import MAX_WORDS
from cada.phrases.tagging import tag
from cada.phrases.tokens import Alignment, tokenise

_ADJECTIVE = "(?:r*(?:[acz]|yt?))"  # very short; rolled up
_JOINT = r"(?:,?k|[,(]k?|\))?"
_LIST = rf"(?:{_ADJECTIVE}(?:{_JOINT}{_ADJECTIVE})*)"  # long, straight, black; red, white and blue; black (or navy)
_COMPOUND = "(?:ut|[nubNzQ]|0z|(?<![epn])G)*"  # button up, cream colored, "nike", 3/4 length, running
_END = "(?![nuNpbs])"  # the head is the last noun
_GRAMMAR = re.compile(
    rf"""
      e{_LIST}(?=[,k]+{_LIST}[nu])                    # nothing in: the shoes are red, | black pants
    | (?P<thing>
        {_LIST}?\)?{_COMPOUND}(?:N0|[nuN]){_END})     # gray, hooded jacket; hat; number 23
    | (?P<person>                                     # young woman, but no bare person
        (?:{_LIST}{_COMPOUND}|{_COMPOUND}[nubzQp])p+{_END})
    | (?P<body>                                       # bare feet, but no bare part
        (?:{_LIST}{_COMPOUND}|[nu]+)b{_END})
    | (?<=w)d*(?P<colour>                             # dressed in all black, but not: in black shoes
        (?:{_ADJECTIVE},?k?)*c(?!(?:{_JOINT}{_LIST})?\)?{_COMPOUND}[nuNpbs]))
    | {_LIST}?{_COMPOUND}s+                           # nothing in: past a gray brick wall
    """,
    re.VERBOSE,
)
_LEFT_OUT_OF_MODIFIERS = frozenset("k,()")


class Phrase(NamedTuple):
    """An attribute phrase; `start` and `end` index the normalised caption, `text` is what is there."""

    start: int
    end: int
    text: str
    head: str
    modifiers: tuple[str, ...]


def parse(caption: str, max_words: int = MAX_WORDS) -> list[Phrase]:
    """Attribute phrases of a raw caption, in order, without overlaps."""
    lowered = caption.lower()
    tokens = tokenise(lowered)
    tags = tag(tokens)
    alignment = Alignment(lowered, max_words)
    phrases = []
    for match in _GRAMMAR.finditer(tags):
        if match.lastgroup is None:
            continue
        first, last = match.span(match.lastgroup)
        span = alignment.span(tokens[first].start, tokens[last - 1].end)
        if span is None:
            continue
        head = last - 2 if tags[last - 1] == "0" else last - 1
        modifiers = (tokens[i].text for i in range(first, last) if i != head and tags[i] not in _LEFT_OUT_OF_MODIFIERS)
        phrases.append(Phrase(*span, alignment.normalised[slice(*span)], tokens[head].text, tuple(modifiers)))
    return phrases
