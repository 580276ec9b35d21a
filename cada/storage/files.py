"""Files that are either whole or absent: atomic writes, reads, digests, locks.

No library writes them: atomicwrites is no longer kept, and none turns what a file system refuses into a user's message.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import platform
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from types import UnionType
from typing import Any

from filelock import FileLock, Timeout

from cada.errors import CadaError, of_file


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` when the block succeeds.

    The temporary file is flushed to the disk first, so a finished name never holds half a file. Those that killed processes of this
    machine have left of `path` go.
    Errors: `CadaError` when the file system refuses (no space, no permission), or refuses another file in the block.
    """
    partial = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path)
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        refused = error.filename2 or error.filename  # of a copy the second is where it goes
        other = isinstance(refused, str) and Path(refused) not in (partial, path, *path.parents)
        raise (of_file(error, refused) if other else of_file(error, path, "cannot be written")) from error
    finally:
        with contextlib.suppress(OSError):  # it may never have been made
            partial.unlink()


def _tidy(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.{glob.escape(platform.node())}-*.partial"):
        pid = left.stem.rpartition("-")[2]
        if pid.isdecimal() and not _runs(int(pid)):
            left.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def bring_to_the_present(*folders: Path) -> None:
    """Files that are from the future, because the clock has jumped back, get the present: Snakemake ends a job with such an input."""
    now = time.time()
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and path.stat().st_mtime > now:
            os.utime(path, (now, now))


@contextlib.contextmanager
def writing(path: Path, refused: type[Exception]) -> Iterator[None]:
    """Around a library that raises `refused`, no `OSError`, where the file system does not take all of `path`: `CadaError`."""
    try:
        yield
    except refused as error:
        reason = str(error).splitlines()[0]
        raise CadaError(f"{path}: cannot be written ({reason}). Free some space or choose another folder.") from error


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


@contextlib.contextmanager
def reading(path: Path, *, missing: str = "") -> Iterator[None]:
    """Around what reads the user's `path`: `CadaError` where there is none (`missing` says what to do) or the file system refuses it."""
    try:
        yield
    except FileNotFoundError as error:
        raise CadaError(f"{path}: there is no such file. {missing}".rstrip()) from error
    except OSError as error:
        raise of_file(error, path, "cannot be read") from error


def read_text(path: Path) -> str:
    """Read UTF-8 text. Errors: `CadaError` as in `reading`, `UnicodeDecodeError` for other bytes."""
    with reading(path):
        return path.read_text(encoding="utf-8")


def read_json(path: Path, *, fields: Collection[str] | None = None) -> Any:
    """Read JSON, of every object `fields` alone where they are given; the others are dropped while the file is parsed.

    Errors: `CadaError` names the file and the place where it is not JSON.
    """

    def lean(item: dict[str, Any]) -> dict[str, Any]:
        return {name: item[name] for name in fields or () if name in item}

    try:
        return json.loads(read_text(path), object_hook=None if fields is None else lean, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, a number of thousands of digits; lists in lists without end
        raise CadaError(f"{path}: not valid JSON ({error}). Fetch or make the file again.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def read_object(path: Path, *, again: str = "Fetch or make the file again.", **kinds: type | UnionType) -> dict[str, Any]:
    """The JSON object in `path`, whose values under the names of `kinds` are there and of these types; others are not looked at.

    Errors: `CadaError` names the file and the key; `again` says what to do.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise CadaError(f"{path}: holds no JSON object. {again}")
    for name, kind in kinds.items():
        if name not in found:
            raise CadaError(f"{path}: {name}: is missing. {again}")
        if not isinstance(found[name], kind):
            raise CadaError(f"{path}: {name}: is {found[name]!r}, which is of another type than it was written with. {again}")
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal. Errors as in `reading`."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(path: Path, sha256: str) -> Path:
    """`path`, once its digest was seen to be `sha256`."""
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file, but the parameters name it.")
    if (found := digest(path)) != sha256:
        raise CadaError(f"{path}: its SHA-256 is {found}, the parameters say {sha256}. If the file is right, write its digest there.")
    return path


def kernel_lock(path: Path, *, timeout: float = -1) -> FileLock:
    """A lock that the kernel releases even on SIGKILL; where the file system has none, whoever takes it gets an `OSError`.

    The marker files that filelock would use in its place are not used: every file that an earlier lock has left would look like one.
    """
    return FileLock(path, timeout=timeout, fallback_to_soft=False)


@contextlib.contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`, or say who else does the same work, or that there are no locks here.

    The file holds the number of the process that locked it last.
    """
    lock = kernel_lock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        path.write_text(str(os.getpid()))
    except Timeout as error:
        holder = f"PID {path.read_text() or 'unknown'}, it holds {path}"
        raise CadaError(f"{what}: another process is doing this now ({holder}). Wait for it or stop it, then call again.") from error
    except OSError as error:
        raise of_file(error, path, "cannot be locked") from error
    try:
        yield
    finally:
        lock.release()
