import collections

import pytest

from cada.phrases import lexicon
from cada.phrases.tagging import tag
from cada.phrases.tokens import tokenise
from tests.messages import refused


def test_no_word_has_two_classes() -> None:
    counts = collections.Counter(word for listed in lexicon.classes().values() for word in listed)
    assert [word for word, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(
    ("word", "expected"),
    {
        "black/white": "c",
        "shirt/jacket": "n",
        "steel-toed": "z",
        "button-up": "a",
        "3/4": "0",
        "23": "0",
        "wearring": ".",
        "sequinned": "a",
        "oddly": "r",
        "pnats": "n",
    }.items(),
)
def test_guesses_for_unknown_words(word: str, expected: str) -> None:
    assert lexicon.guess(word) == expected


def test_the_general_lexicon_fills_the_gaps() -> None:
    words = lexicon.words()
    assert words["gorgeous"] == "a"
    assert words["violin"] == "n"
    assert words["beaded"] == "a"


@pytest.mark.parametrize(
    ("caption", "expected"),
    {
        "leather bag": "zn",
        "of leather": ".n",
        "there's": ".e",
        "man's": "pd",
        "down jacket": "an",
        "hangs down": ".t",
        "on top": "ts",
        "red top": "cn",
        "a camera": "dn",
        "the camera": "ds",
        'a "nike" bag': "dQn",
    }.items(),
)
def test_tags_in_context(caption: str, expected: str) -> None:
    assert tag(tokenise(caption)) == expected


def test_a_missing_word_list_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon.importlib.util, "find_spec", lambda _: None)
    with refused("textblob", "word list"):
        lexicon._general()
