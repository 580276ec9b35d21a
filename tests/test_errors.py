"""Text from outside reaches a terminal as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cada.errors import MOST, CadaError, printable


def test_control_characters_are_written_as_their_codes() -> None:
    assert printable("a\x1b]0;OWNED\x07\x1b[2J.png\nnext") == "a\\x1b]0;OWNED\\x07\\x1b[2J.png\nnext"
    assert printable("\u202egpj.exe") == "\\u202egpj.exe"
    assert str(CadaError("x\r\x9b")) == "x\\r\\x9b"


@given(st.text(max_size=50) | st.text(min_size=1, max_size=3).map(lambda text: text * 3000))
def test_any_text_becomes_short_lines_that_print(text: str) -> None:
    lines = printable(text).split("\n")
    assert len(lines) == text.count("\n") + 1
    for line in lines:
        assert len(line) <= MOST
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in line)


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("grün, 红色 — “été”", "a" * MOST, "two\nlines"):
        assert printable(text) == text
