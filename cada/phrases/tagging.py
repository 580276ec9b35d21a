"""One tag per token: the lexicon's class of the word, and rules for the words whose class depends on their neighbours."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from cada.phrases import lexicon
from cada.phrases.tokens import POSSESSIVE, QUOTE, WORD, Token

_SIGNS = {",": ",", "&": "k", "(": "(", ")": ")", "/": "k"}
_MODIFIED = frozenset("nMuaczyp")
# Words with another class before or behind certain words: down jacket, back pack, top of; there's, on top, a camera, heavy set, crew cut.
_BEFORE = {
    "down": ("a", {"jacket", "jackets", "coat", "coats", "vest", "parka"}),
    "back": ("n", {"pack", "packs"}),
    "stand": ("G", {"collar", "collars"}),
    "top": ("s", {"of"}),
}
_BEHIND = {
    POSSESSIVE: ("e", {"he", "she", "it", "they", "there", "that", "who", "what", "here"}),
    "top": ("s", {"on"}),
    "camera": ("n", {"a", "his", "her", "their"}),
    "bottom": ("n", {"bell"}),
    "cut": ("n", {"crew", "buzz", "bowl"}),
    "cream": ("n", {"ice"}),
    "set": ("a", {"heavy"}),
}


def tag(tokens: Sequence[Token]) -> str:
    """The caption as a string of tags, one character a token (see `cada.phrases.lexicon`; Q is printed text)."""
    tags = [_initial(token) for token in tokens]
    for index, token in enumerate(tokens):
        if tags[index] == "M":
            tags[index] = "z" if index + 1 < len(tags) and tags[index + 1] in _MODIFIED else "n"
        if token.text in _BEFORE and index + 1 < len(tokens):
            changed, words = _BEFORE[token.text]
            tags[index] = changed if tokens[index + 1].text in words else tags[index]
        if token.text in _BEHIND and index:
            changed, words = _BEHIND[token.text]
            tags[index] = changed if tokens[index - 1].text in words else tags[index]
    return "".join(tags)


def _initial(token: Token) -> str:
    if token.kind == WORD:
        return _class_of(token.text)
    if token.kind == QUOTE:
        return "Q"
    return "d" if token.text == POSSESSIVE else _SIGNS.get(token.text, ".")


@functools.lru_cache(maxsize=65536)
def _class_of(word: str) -> str:
    return lexicon.words().get(word) or lexicon.guess(word)
