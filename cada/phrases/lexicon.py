"""What each word can be in a caption about a person: our own classes first, then the lexicon that textblob bundles.

A class is one character, so that a tagged caption is a string and the grammar a regular expression. lexicon.yaml has the classes with
their words; 0 is a numeral.
"""

from __future__ import annotations

import functools
import importlib.util
from importlib import resources
from pathlib import Path

import yaml

from cada.errors import CadaError

_PENN = {"JJ": "a", "NN": "n", "NNS": "n", "NNP": "n", "NNPS": "n", "FW": "n", "CD": "d", "DT": "d", "PRP$": "d", "PDT": "d"}


def classes() -> dict[str, list[str]]:
    """The words of each of our own classes."""
    text = resources.files("cada.phrases").joinpath("lexicon.yaml").read_text(encoding="utf-8")
    return {tag: listed.split() for tag, listed in yaml.safe_load(text).items()}


@functools.cache
def words() -> dict[str, str]:
    """Class of every known word. Errors: `CadaError` when textblob's lexicon is not where textblob keeps it."""
    return _general() | {word: tag for tag, listed in classes().items() for word in listed}


def _general() -> dict[str, str]:
    """textblob's lexicon, read from its file: importing textblob takes five seconds, mostly for parts not used here."""
    spec = importlib.util.find_spec("textblob")
    path = Path(spec.origin).parent / "en" / "en-lexicon.txt" if spec and spec.origin else Path("textblob")
    if not path.is_file():
        raise CadaError(f"{path}: the tagger's word list is missing. Install it: pip install 'cada[train]'.")
    entries = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(";;;"))
    return {entry[0]: _from_penn(*entry) for entry in entries if len(entry) == 2 and entry[0][0].isalpha()}


def _from_penn(word: str, tag: str) -> str:
    """A past participle of a caption describes more often than it tells: a beaded bag."""
    if word.endswith("ed") and tag in ("VBD", "VBN"):
        return "a"
    return _PENN.get(tag, ".")


def guess(word: str) -> str:
    """Class of a word that no list has, by its last part and its ending; things are what captions have most words for.

    A hyphenated or slashed word has the class of its last part: black/white is a colour, t-shirt a thing; button-up is an adjective.
    """
    last = word.replace("/", "-").rpartition("-")[2]
    if last != word:
        tag = words().get(last) or guess(last)
        return tag if tag in "npbcaz0" else "a"
    if word[0].isdigit():
        return "0"
    return next((tag for ending, tag in (("ing", "."), ("ed", "a"), ("ly", "r")) if word.endswith(ending)), "n")
