"""The one error a user sees; everything else is a bug and keeps its traceback."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

MOST = 2000  # letters of a line for people
# control characters but the line feed, among them what begins a terminal's commands, and what turns the direction of the text around it
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Text with names from outside for a terminal or a log: control characters as their codes, and no line longer than MOST."""
    lines = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text).split("\n")
    return "\n".join(line if len(line) <= MOST else f"{line[: MOST - 200]} … {line[-190:]}" for line in lines)


class CadaError(Exception):
    """Something the user can fix: names the file, the key or record, what is wrong and what to do. Its message is `printable`."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@contextmanager
def about(place: Path | str) -> Iterator[None]:
    """Puts before a library function's `ValueError`, which names its arguments, the file or the key that they are from."""
    try:
        yield
    except ValueError as error:
        raise CadaError(f"{place}: {error}") from error


class ArgumentError(ValueError):
    """A library function's caller has given a wrong `argument`; a step says by which parameter its user can change that."""

    def __init__(self, argument: str, wrong: str) -> None:
        super().__init__(f"{argument}: {wrong}")
        self.argument, self.wrong = argument, wrong


_RIGHT = "Ask its owner for the right to it (`ls -ld` shows whose it is), or name a place of your own."
_ROOM = "Free some space or choose another folder."
_LACKS = "Choose a folder on another file system: this one lacks what is needed."
_IN_THE_WAY = "Move away what is no folder in this path, or name another place."
_ADVICE = {
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EROFS: "Choose a folder that can be written to.",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EISDIR: "Move the folder away, or name a file.",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ELOOP: "Remove or fix the link that leads to itself.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENOENT: "Check the name, or make the file again.",
    errno.ENOLCK: _LACKS,
    errno.ENOSYS: _LACKS,
    errno.EOPNOTSUPP: _LACKS,
    errno.EMFILE: "Allow this process more open files: `ulimit -n`.",
}


def of_file(error: OSError, path: Path | str, wrong: str = "") -> CadaError:
    """What the system says of the file or folder `path`, in one line: `wrong` says what cannot be done with it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    advice = _ADVICE.get(error.errno or 0, "Check the file and the disk that it is on.")
    return CadaError(f"{path}: {wrong}{': ' if wrong else ''}{reason}. {advice}")


def of_package(error: ModuleNotFoundError) -> CadaError | None:
    """Which extra of this package brings the one that is missing; None where none of them does."""
    from packaging.requirements import Requirement

    missing = str(error.name).partition(".")[0]
    wanted = [found for line in metadata.requires("cada") or [] if (found := Requirement(line)).name == missing != "cada"]
    for extra in metadata.metadata("cada").get_all("Provides-Extra") or []:
        if any(found.marker and found.marker.evaluate({"extra": extra}) for found in wanted):
            return CadaError(f"{missing}: is not installed. Install it: pip install 'cada[{extra}]'.")
    return None
