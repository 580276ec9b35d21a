import random
import subprocess
import sys
from pathlib import Path

import pytest

from cada.datasets.text import normalise_caption
from cada.phrases.chunking import Phrase, parse

CASES = {
    "A blue and white stripe tank top, a pair of green pants": ["blue and white stripe tank top", "green pants"],
    "a black t-shirt": ["black t-shirt"],
    "He wears a gray shirt.His trousers are black.": ["gray shirt", "trousers"],
    "a gray, hooded jacket, and black/white shoes": ["gray, hooded jacket", "black/white shoes"],
    "red, white, and blue jersey with the number 23": ["red, white, and blue jersey", "number 23"],
    'a "Nike" bag and a shirt that says "LOVE"': ["nike bag", "shirt"],
    "a 3/4 length coat and 2 bags": ["3/4 length coat", "bags"],
    "a knee-length skirt, knee high boots": ["knee-length skirt", "knee high boots"],
    "dressed in black with her hair in a ponytail": ["black", "hair", "ponytail"],
    "her shirt is black and her bag is black in color": ["shirt", "bag"],
    "his shoes are red, black pants": ["shoes", "black pants"],
    "the young woman and the man's white hat": ["young woman", "white hat"],
    "a bag in her left hand, bare feet and a slim build": ["bag", "bare feet", "slim build"],
    "rolled up sleeves, cut off jean shorts, a button up shirt": ["rolled up sleeves", "cut off jean shorts", "button up shirt"],
    "her hair is cut short and rolled up": ["hair"],
    "a very short, light-colored dress": ["very short, light-colored dress"],
    "black (or navy) suit": ["black or navy suit"],
    "running shoes; he is running": ["running shoes"],
    "a down jacket, hair hanging down": ["down jacket", "hair"],
    "walking past a gray brick wall on the street": [],
    "top of her head": [],
    "": [],
    "...": [],
}


@pytest.mark.parametrize(("caption", "expected"), CASES.items())
def test_phrases_of_known_captions(caption: str, expected: list[str]) -> None:
    assert [phrase.text for phrase in parse(caption)] == expected


def test_head_modifiers_and_place() -> None:
    assert parse("A tall man. A blue and white, very thin scarf") == [
        Phrase(2, 10, "tall man", "man", ("tall",)),
        Phrase(13, 44, "blue and white, very thin scarf", "scarf", ("blue", "white", "very", "thin")),
    ]
    assert parse("the number 23") == [Phrase(4, 13, "number 23", "number", ("23",))]


def test_phrases_behind_the_last_word_are_left_out() -> None:
    caption = "man wears a red hat and a blue coat"
    assert [phrase.text for phrase in parse(caption, max_words=8)] == ["red hat"]
    assert [phrase.text for phrase in parse(caption, max_words=9)] == ["red hat", "blue coat"]


def test_spans_hold_on_any_text() -> None:
    source = random.Random(3)
    caption = "a red blue and shirt man wearing in very t-shirt knee length rolled up number 23 pair of 裤子 İ"
    words = caption.split()
    pieces = [*words, *",.\"'()/-。\n", "'s"]
    for _ in range(2000):
        caption = "".join(source.choice(pieces) + source.choice(("", " ", " ", "  ")) for _ in range(source.randrange(90)))
        normalised, end = normalise_caption(caption), 0
        for phrase in parse(caption):
            assert normalised[phrase.start : phrase.end] == phrase.text
            assert end <= phrase.start < phrase.end
            end = phrase.end


@pytest.mark.parametrize(
    "word", ["black ", "black, ", "shirt ", "colored ", "shirt colored ", "black and ", "running ", '"a" ', "rolled up "]
)
def test_long_monotonous_captions_do_not_hang(word: str) -> None:
    """They take some milliseconds; a grammar that tries every way to split them would not end. As a process, since it can be ended."""
    code = f"from cada.phrases.chunking import parse; parse({word!r} * 300)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=120, check=True)
