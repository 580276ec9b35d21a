"""The command line: names, arguments and help. The work is done by the functions it calls, imported when they are needed."""

from __future__ import annotations

import os

from cada.cli import pipeline, search
from cada.cli.app import app
from cada.runtime.console import console
from cada.runtime.parent_process import end_with_starter

__all__ = ["app", "main", "pipeline", "search"]

KEPT_KERNELS = "32"  # of oneDNN, which compiles one for each number of tokens and would keep a thousand, 16 MB


def main() -> None:
    """Entry point: what the user can fix becomes lines on stderr and exit code 1."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KEPT_KERNELS)
    end_with_starter()
    with console("cada"):
        app(prog_name="cada")
