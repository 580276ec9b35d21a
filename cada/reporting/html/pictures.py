"""Pictures as addresses that hold them, so that a page needs no other file."""

from __future__ import annotations

import base64
from pathlib import Path

KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def data_uri(path: Path) -> str:
    """A `data:` address with all of the file."""
    return f"data:{KINDS[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
