"""What the tables and the figure of choices share: what is chosen, and how the wrong one differs, in words."""

from __future__ import annotations

HEADINGS = {
    "image": "Which of two images does the sentence describe? Right ones, %",
    "sentence": "Which of two sentences describes the image? Right ones, %",
    "caption": "The caption, or the same with a change that makes it false? Right ones, %",
}
KINDS = {
    "swap": "two colours swapped",
    "colour": "another colour",
    "type": "another kind",
    "absence": "something is gone",
    "swapped_colours": "colours of two things swapped",
    "negation": "one thing negated",
}


def slots_in_words(slots: str) -> str:
    """The slots of a change: "upper and lower" of "upper_colour lower_colour", whose kind says that colours changed."""
    return " and ".join(slot.removesuffix("_colour") for slot in slots.split())
