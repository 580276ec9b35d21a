"""A step ends with the workflow or the torchrun that started it: an orphan would hold the lock that the next run needs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

IN_WORKFLOW = "CADA_IN_WORKFLOW"  # set by workflow/scripts/step.sh
IN_TORCHRUN = "TORCHELASTIC_RUN_ID"  # set by torchrun, whose processes are no part of its group
POLL_SECONDS = 0.2


def end_with_starter() -> None:
    """In a workflow, and under torchrun, end this process by SIGTERM as soon as its parent has died.

    SIGKILL cannot be handled, so neither Snakemake nor DVC nor torchrun can end their processes when they are killed by it. A step
    that was started by hand goes on in the background when its shell is closed.
    """
    if IN_WORKFLOW in os.environ:
        end_with_parent("cada: the workflow that started this step was killed. The next run goes on from the saved state.")
    elif IN_TORCHRUN in os.environ:
        end_with_parent("cada: the process that started this one was killed.")


def end_with_parent(message: str = "") -> None:
    """End this process by SIGTERM as soon as its parent has died; `message` is the last line that it writes to stderr."""
    threading.Thread(target=_watch, args=(os.getppid(), message), daemon=True).start()


def _watch(parent: int, message: str) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    if message:
        print(message, file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
