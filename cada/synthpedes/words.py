"""Every word of the captions, from words.yaml, and the vocabulary file made from them."""

from __future__ import annotations

import functools
import re
import string
from importlib import resources
from typing import Any

import yaml

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHARACTERS = string.digits + string.ascii_lowercase
_PIECE = re.compile(r"[a-z]+|[-,']")


@functools.cache
def words() -> dict[str, Any]:
    """The tables of words.yaml by name."""
    return yaml.safe_load(resources.files("cada.synthpedes").joinpath("words.yaml").read_text(encoding="utf-8"))


def _strings(value: Any) -> list[str]:
    """All strings of a table, at any depth; a table's keys are values of attributes, no words."""
    if isinstance(value, str):
        return [value]
    return [text for item in (value.values() if isinstance(value, dict) else value) for text in _strings(item)]


def grammar_words() -> list[str]:
    """Every word piece that a caption can hold, split at punctuation as BERT's basic tokeniser does, in alphabetical order."""
    return sorted(set(_PIECE.findall(re.sub(r"\{\w+\}", " ", " ".join(_strings(words()))))))


def vocabulary() -> list[str]:
    """BERT's WordPiece vocabulary: special tokens, the grammar's words, then single characters and their continuations."""
    longer = [word for word in grammar_words() if len(word) > 1]
    return list(dict.fromkeys([*SPECIAL, *longer, *string.punctuation, *CHARACTERS, *(f"##{character}" for character in CHARACTERS)]))
