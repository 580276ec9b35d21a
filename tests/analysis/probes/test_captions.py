"""What the probes change, and how words are put in their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cada.analysis.probes.captions import CaptionPhrase, read_captions, rewrite
from cada.datasets.loading import Split
from cada.datasets.text import normalise_caption
from cada.phrases.chunking import parse
from tests.analysis.probes.cases import drawn_captions

TEXTS = ('A man, "tall"; in a RED hat.He has blue jeans.', "A woman.", "No phrases here (at all)", "She carries a bag.")


@pytest.mark.parametrize(
    ("text", "span", "words", "expected"),
    [
        ("wears a red bag", (8, 11), "orange", "wears an orange bag"),
        ("wears an orange bag", (9, 15), "red", "wears a red bag"),
        ("a red bag", (2, 5), "blue", "a blue bag"),
        ("a uniform", (2, 9), "umbrella", "a umbrella"),  # both begin with a vowel: which sound it is, is not known
        ("the red bag", (4, 7), "orange", "the orange bag"),
        ("bra red", (4, 7), "orange", "bra orange"),
        ("red", (0, 3), "orange", "orange"),
    ],
)
def test_an_article_follows_the_word_behind_it(text: str, span: tuple[int, int], words: str, expected: str) -> None:
    assert rewrite(text, [(span, words)]) == expected


def test_several_changes_of_other_lengths() -> None:
    text = "a red hat and an orange bag"
    assert rewrite(text, [((2, 5), "orange"), ((17, 23), "dark red")]) == "an orange hat and a dark red bag"
    assert rewrite(text, []) == text


def test_captions_bear_their_rows_of_the_phrase_table() -> None:
    split = Split((Path("a"), Path("b")), ("a", "b"), np.array([1, 2]), TEXTS, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    rows = [("a", 0, number, phrase.start, phrase.end, phrase.text, phrase.head, []) for number, phrase in enumerate(parse(TEXTS[0]))]
    rows += [("b", 1, 0, 14, 17, "bag", "bag", []), ("elsewhere", 0, 0, 0, 1, "x", "x", [])]
    table = pd.DataFrame(rows, columns=["image", "caption", "phrase", "start", "end", "text", "head", "modifiers"])
    captions = read_captions(split, table)
    assert [(caption.image, caption.number) for caption in captions] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert [caption.text for caption in captions] == [normalise_caption(text) for text in TEXTS]
    first = captions[0]
    assert [first.text[phrase.start : phrase.end] for phrase in first.phrases] == ["red hat", "blue jeans"]
    assert captions[1].phrases == captions[2].phrases == ()
    assert captions[3].phrases == (CaptionPhrase(14, 17, "bag"),)


def test_an_unchanged_caption_is_read_as_before() -> None:
    """The tokenizer normalises again what is normal already."""
    for text in [*TEXTS, *(caption.text for caption in drawn_captions())]:
        assert normalise_caption(normalise_caption(text)) == normalise_caption(text)
