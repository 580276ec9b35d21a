"""Images in a terminal that can show them: by kitty's graphics protocol, or by iTerm2's inline images."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Literal

from PIL import Image

Protocol = Literal["kitty", "iterm"]
CHUNK = 4096  # letters of base64 that kitty takes at a time
ITERM = ("iTerm.app", "WezTerm", "mintty", "rio")  # TERM_PROGRAM of those that speak iTerm2's


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """What the terminal of these variables speaks; None for one that shows no images, such as tmux, or is not known."""
    if environment.get("TERM") in ("xterm-kitty", "xterm-ghostty"):
        return "kitty"
    return "iterm" if environment.get("TERM_PROGRAM") in ITERM else None


def drawn(image: Image.Image, protocol: Protocol) -> str:
    """The escape sequence that shows an image at the cursor, and a line end."""
    content = io.BytesIO()
    image.save(content, "PNG")
    text = base64.b64encode(content.getvalue()).decode()
    if protocol == "iterm":
        return f"\x1b]1337;File=inline=1;size={len(content.getvalue())}:{text}\x07\n"
    chunks = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    keys = ["a=T,f=100,q=2,", *[""] * (len(chunks) - 1)]  # of the first: show it, it is a PNG, send no answer
    more = [*[1] * (len(chunks) - 1), 0]
    return "".join(f"\x1b_G{key}m={follows};{chunk}\x1b\\" for key, follows, chunk in zip(keys, more, chunks, strict=True)) + "\n"
