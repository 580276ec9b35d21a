"""The caption as the model sees it: the published rules, one by one and against plain loops."""

from __future__ import annotations

import random

import pytest

from cada.datasets.text import normalise_caption


def test_the_published_example() -> None:
    caption = 'A man (tall) wears a RED t-shirt; he carries a "Nike" bag... He\'s walking!'
    assert normalise_caption(caption) == "a man tall wears a red t-shirt he carries a nike bag he's walking"


@pytest.mark.parametrize("sign", '.!"()*#:;~')
def test_ten_signs_become_spaces(sign: str) -> None:
    assert normalise_caption(f"a shirt{sign}his") == "a shirt his"


@pytest.mark.parametrize("sign", ",-'/?&7")
def test_other_signs_and_digits_are_kept(sign: str) -> None:
    assert normalise_caption(f"a shirt{sign}his") == f"a shirt{sign}his"


def test_white_space_collapses() -> None:
    assert normalise_caption("\t a  red\n\r\nbag \u00a0 . ! ") == "a red bag"


@pytest.mark.parametrize("caption", ["", " \n", "...", "(;)"])
def test_a_caption_without_words_is_empty(caption: str) -> None:
    assert normalise_caption(caption) == ""


def test_the_first_72_words_are_kept() -> None:
    words = [f"word{number}" for number in range(80)]
    assert normalise_caption(" ".join(words)) == " ".join(words[:72])
    assert normalise_caption(" ".join(words[:72])) == " ".join(words[:72])
    assert normalise_caption(" . ".join(words), max_words=3) == "word0 word1 word2"


def test_equals_plain_loops_and_changes_nothing_twice() -> None:
    draw = random.Random(0)
    for _ in range(300):
        caption = "".join(draw.choice("aB7é .!\"()*#:;~,-'/?&\t\n") for _ in range(draw.randrange(60)))
        words, word = [], ""
        for character in caption.lower() + " ":
            if character in '.!"()*#:;~ \t\n':
                words += [word] if word else []
                word = ""
            else:
                word += character
        assert normalise_caption(caption) == " ".join(words)
        assert normalise_caption(normalise_caption(caption)) == normalise_caption(caption)
