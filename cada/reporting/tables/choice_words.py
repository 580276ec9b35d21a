"""Choices in words: what is chosen, and how the wrong one differs."""

from __future__ import annotations

HEADINGS = {
    "image": "Which of two images does the sentence describe?",
    "sentence": "Which of two sentences describes the image?",
    "caption": "Does the caption describe its image, or the caption made false?",
}
DIFFERENCES = {
    "swap": "two colours swapped",
    "colour": "another colour",
    "type": "another type",
    "absence": "a thing is gone",
    "swapped_colours": "colours of two things swapped",
    "negation": "one thing negated",
}


def choice_title(chosen: str, kind: str) -> str:
    """What is chosen, and how the wrong one differs."""
    return f"{chosen}s, {DIFFERENCES[kind]}"


def slots_in_words(slots: str) -> str:
    """Such as "upper and lower" of "upper_colour lower_colour": that colours differ is said by the kind."""
    return " and ".join(slot.removesuffix("_colour") for slot in slots.split())
