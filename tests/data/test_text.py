"""The caption as the model sees it."""

from __future__ import annotations

import pytest

from cada.data.text import normalise_caption


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        (
            'A man (tall) wears a RED t-shirt; he carries a "Nike" bag... He\'s walking!',
            "a man tall wears a red t-shirt he carries a nike bag he's walking",
        ),
        ("shirt.His trousers", "shirt his trousers"),
        ("black/white shoes, 3 bags & a hat?", "black/white shoes, 3 bags & a hat?"),
        ("a line\nbreak\tand  spaces ", "a line break and spaces"),
        ("...", ""),
        ("", ""),
    ],
)
def test_published_rule(raw: str, normal: str) -> None:
    assert normalise_caption(raw) == normal


def test_first_72_words() -> None:
    assert normalise_caption("word " * 100) == " ".join(["word"] * 72)
    assert normalise_caption("one two three", 2) == "one two"
