"""What holds for all programs, the command and the scripts: how they print, and how they end where the user has to act."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator

from cada.errors import CadaError, of_file, of_package

# What PyTorch says, whose errors are RuntimeErrors, of the machine's memory and of a GPU's.
_NO_MEMORY = re.compile("can't allocate memory|not enough memory|out of memory|bad_alloc")
# What it says where processes exchange tensors and one of them is no longer there: gloo, NCCL, and the store in which they meet.
_PEER_ENDED = re.compile("(closed|reset) by peer|Broken pipe|remote process exited|Connection was likely closed")


@contextlib.contextmanager
def console(name: str) -> Iterator[None]:
    """Around a program: a `CadaError`, a file that the system refuses, too little memory, another process of the step that has
    ended, or a package of an extra that is not installed becomes lines on stderr after `name`, and exit code 1.

    An `OSError` that names no file is a bug, or no business of the user's, and keeps its traceback.
    """
    print_anything()
    try:
        yield
    except CadaError as error:
        _end(name, error)
    except ModuleNotFoundError as error:
        if (missing := of_package(error)) is None:
            raise
        _end(name, missing)
    except OSError as error:
        if error.filename is None:
            raise
        _end(name, of_file(error, error.filename))
    except (MemoryError, RuntimeError) as error:
        if (known := _of_machine(error)) is None:
            raise
        _end(name, known)


def _of_machine(error: MemoryError | RuntimeError) -> CadaError | None:
    """What too little memory, or a process that is gone, means for the user; None for other errors."""
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        reason = (str(error) or "MemoryError").splitlines()[0]
        return CadaError(f"The memory does not suffice ({reason}). End other programs, lower a batch_size, or take a larger machine.")
    if _PEER_ENDED.search(str(error)):
        return CadaError("Another process of this step has ended, and this one cannot go on without it.")
    return None


def print_anything() -> None:
    """A character that the terminal's encoding lacks is written as its code, `\\u2212`: no command ends because of one."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # of a file that became a pipe under it: it is changed all the same
                stream.reconfigure(errors="backslashreplace")


def _end(name: str, error: CadaError) -> None:
    for line in str(error).splitlines():
        print(f"{name}: {line}", file=sys.stderr)
    sys.exit(1)
