"""Images in a terminal: the escape sequences give the image back, and a real pseudo-terminal gets them."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import sys
from collections.abc import Mapping

import pytest
from PIL import Image, ImageChops

from cada.gallery import Index
from cada.gallery.terminal import CHUNK, Protocol, drawn, protocol_of


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_terminals_are_known_by_their_variables(environment: Mapping[str, str], protocol: Protocol | None) -> None:
    assert protocol_of(environment) == protocol


def shown(printed: str) -> Image.Image:
    """The image in kitty's sequence."""
    chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", printed)
    assert all(len(text) <= CHUNK for _, text in chunks)
    assert [keys[-3:] for keys, _ in chunks] == ["m=1"] * (len(chunks) - 1) + ["m=0"]
    assert "a=T,f=100" in chunks[0][0]
    return Image.open(io.BytesIO(base64.b64decode("".join(text for _, text in chunks))))


def test_sequences_give_the_image_back() -> None:
    image = Image.effect_noise((90, 120), 80).convert("RGB")
    assert not ImageChops.difference(shown(drawn(image, "kitty")), image).getbbox()
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+):(\S+)\x07\n", drawn(image, "iterm"))
    assert found is not None
    content = base64.b64decode(found[2])
    assert len(content) == int(found[1])
    assert not ImageChops.difference(Image.open(io.BytesIO(content)), image).getbbox()


@pytest.mark.parametrize(
    ("term", "options", "shows"), [("xterm-kitty", [], True), ("xterm-kitty", ["--no-thumbnails"], False), ("xterm", [], False)]
)
def test_a_search_in_a_terminal_shows_what_it_has_found(index: Index, term: str, options: list[str], shows: bool) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cada", "search", str(index.folder), "a man", "-k", "3", *options]
    child = os.posix_spawn(
        sys.executable, command, os.environ | {"TERM": term, "TERM_PROGRAM": ""}, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1)]
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            printed += os.read(ours, 65536)
        except OSError:  # the child has ended
            break
    os.close(ours)
    assert os.waitpid(child, 0)[1] == 0
    text = printed.decode()
    assert len(re.findall(r"^ +[123] .*\.jpg", text, re.MULTILINE)) == 3
    assert ("\x1b_G" in text) == shows
    if shows:
        assert shown(text).width > 900
