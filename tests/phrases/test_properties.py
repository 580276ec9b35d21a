"""What holds for any caption, however odd: spans, alignment, tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cada.datasets.text import MAX_WORDS, normalise_caption
from cada.phrases.chunking import parse
from cada.phrases.tokens import Alignment, tokenise

WORDS = ["a", "man", "the", "red", "long", "t-shirt", "man's", "shirt", "black/white", "shoes", "and", "with", "in", "number", "23", "is"]
SIGNS = [".", ",", "(", ")", '"', "“", "”", "'", "-", "/", ";", "\t", "\n", "é", "İ", "ß", "中", "\u2019s", "&"]
captions = st.one_of(st.text(max_size=120), st.lists(st.sampled_from(WORDS + SIGNS), max_size=90).map(" ".join))


@given(captions)
def test_phrases_lie_in_the_normalised_caption_in_order_and_apart(caption: str) -> None:
    text, end = normalise_caption(caption), 0
    for phrase in parse(caption):
        assert end <= phrase.start < phrase.end <= len(text)
        assert text[phrase.start : phrase.end] == phrase.text
        assert phrase.text == phrase.text.strip()
        end = phrase.end


@given(captions, st.integers(1, MAX_WORDS))
def test_a_cut_caption_has_the_phrases_of_its_beginning(caption: str, words: int) -> None:
    assert set(parse(caption, words)) <= {
        phrase for phrase in parse(caption, 10_000) if phrase.end <= len(normalise_caption(caption, words))
    }


@given(captions)
def test_normalising_twice_is_normalising_once(caption: str) -> None:
    once = normalise_caption(caption)
    assert normalise_caption(once) == once
    assert len(once.split()) <= MAX_WORDS


@given(captions)
def test_the_alignment_has_the_text_of_the_normalised_caption(caption: str) -> None:
    lowered = caption.lower()
    alignment = Alignment(lowered)
    assert alignment.normalised == normalise_caption(caption)
    for token in tokenise(lowered):
        span = alignment.span(token.start, token.end)
        if span is not None and not set(lowered[token.start : token.end]) & set('.!"()*#:;~ \t\n'):
            assert alignment.normalised[slice(*span)] == lowered[token.start : token.end]
