"""Files that are either whole or absent: atomic writes, digests, locks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cada.errors import CadaError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` when the block succeeds.

    The temporary file is flushed to the disk first, so a finished name never holds half a file.
    Errors: `CadaError` when the file system refuses (no space, no permission).
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise CadaError(f"{path}: cannot be written: {error.strerror or error}. Free some space or choose another folder.") from error
    finally:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            partial.unlink()


def reserve(path: Path) -> None:
    """Take the room on the disk for all of a sparse file now: a mapped file that finds none later kills the process. `OSError`."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with Unix line ends on every system."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: indented, keys in the order given, one line end."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON; `CadaError` names the file and the place where it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such file.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CadaError(f"{path}: not valid JSON ({error}). Fetch or make the file again.") from error


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(path: Path, sha256: str) -> Path:
    """`path`, once its digest was seen to be `sha256`."""
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file, but the parameters name it.")
    if (found := digest(path)) != sha256:
        raise CadaError(f"{path}: its SHA-256 is {found}, the parameters say {sha256}. If the file is right, write its digest there.")
    return path


@contextlib.contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`, or say who else does the same work. The kernel releases it even on SIGKILL.

    The file holds the number of the process that locked it last.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        holder = f"PID {path.read_text() or 'unknown'}, it holds {path}"
        raise CadaError(f"{what}: another process is doing this now ({holder}). Wait for it or stop it, then call again.") from error
    path.write_text(str(os.getpid()))
    try:
        yield
    finally:
        lock.release()
