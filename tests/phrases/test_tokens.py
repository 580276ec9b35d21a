import random

from cada.datasets.text import normalise_caption
from cada.phrases.tokens import QUOTE, WORD, Alignment, tokenise

# Signs, spaces and letters that normalisation treats in different ways; one letter is longer in lower case.
ALPHABET = [*"abTS .!\"()*#:;~,-'/?&0\n\t", "shirt", "。", "裤", "İ", "“", "\u2019", "\u00a0"]


def random_captions(count: int) -> list[str]:
    source = random.Random(7)
    return ["".join(source.choices(ALPHABET, k=source.randrange(60))) for _ in range(count)]


def test_kinds_of_tokens() -> None:
    tokens = tokenise("a man's \"nike air\" t-shirt, black/white. don't")
    assert [token.text for token in tokens] == ["a", "man", "'s", "nike air", "t-shirt", ",", "black/white", ".", "don't"]
    assert [token.kind for token in tokens] == [WORD, WORD, None, QUOTE, WORD, None, WORD, None, WORD]


def test_an_unpaired_quotation_mark_is_a_sign() -> None:
    assert [token.text for token in tokenise('6" tall')] == ["6", '"', "tall"]


def test_alignment_builds_the_normalised_caption() -> None:
    for caption in random_captions(2000):
        assert Alignment(caption.lower()).normalised == normalise_caption(caption)


def test_alignment_stops_at_the_last_word() -> None:
    caption = "one two. three four"
    alignment = Alignment(caption, max_words=3)
    assert alignment.normalised == normalise_caption(caption, max_words=3) == "one two three"
    assert alignment.span(9, 14) == (8, 13)
    assert alignment.span(9, 19) is None


def test_alignment_maps_every_kept_character_onto_itself() -> None:
    for caption in random_captions(500):
        lowered = caption.lower()
        alignment = Alignment(lowered)
        for index, character in enumerate(lowered):
            span = alignment.span(index, index + 1)
            if span is None:
                continue
            assert alignment.normalised[slice(*span)] == character
            assert span[1] == span[0] + 1


def test_span_drops_signs_at_its_ends_and_between_words() -> None:
    lowered = 'wears ("black  shirt") now'
    alignment = Alignment(lowered)
    start, end = lowered.index("("), lowered.index(")") + 1
    assert alignment.normalised[slice(*alignment.span(start, end))] == "black shirt"
    assert alignment.span(lowered.index('"'), lowered.index('"') + 1) is None
