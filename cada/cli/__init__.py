"""The command line: names, arguments and help. The work is done by the functions it calls, imported when they are needed."""

from __future__ import annotations

import os

from cada.cli import pipeline, search
from cada.cli.app import app
from cada.runtime.console import console
from cada.runtime.parent_process import end_with_parent, end_with_workflow

__all__ = ["app", "main", "pipeline", "search"]


# oneDNN compiles a kernel for each number of tokens and keeps a thousand. They lie between what is freed, which cannot be given back.
KEPT_KERNELS = "32"


def main() -> None:
    """Entry point: what the user can fix becomes lines on stderr and exit code 1."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KEPT_KERNELS)
    end_with_workflow()
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun's processes are no part of its group, and would outlive it
        end_with_parent("cada: the process that started this one was killed.")
    with console("cada"):
        app(prog_name="cada")
