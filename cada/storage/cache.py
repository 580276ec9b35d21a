"""Files that can be made again, in a folder that never grows over a limit: what was used longest ago goes first.

diskcache names its files itself and removes some after it went over the limit; these are mapped by their path, made by one
process at a time, and room for them is made before.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cada.errors import CadaError, of_file
from cada.storage.files import atomic, kernel_lock

LIMIT = "CADA_CACHE_GB"
DEFAULT_GB = "32"  # the images of the three public sets take 17 at 224 x 224
ATTEMPTS = 5
Content = TypeVar("Content")


@dataclass(frozen=True)
class Cache:
    """Files under `root`, of `limit` bytes together. On Linux a process keeps a file that it reads even when it is removed."""

    root: Path
    limit: float

    @classmethod
    def at(cls, root: Path) -> Cache:
        """Under `root`, with the limit that the environment variable CADA_CACHE_GB gives, or 32 GB."""
        given = os.environ.get(LIMIT, DEFAULT_GB)
        try:
            return cls(root, float(given) * 1e9)
        except ValueError as error:
            raise CadaError(f"{LIMIT}: a number of gigabytes is wanted, found {given!r}.") from error

    def read(self, name: str, size: int, make: Callable[[Path], None], open_file: Callable[[Path], Content]) -> Content:
        """The file `name`, opened; first written by `make(path)` with about `size` bytes where it is not there.

        Errors: `CadaError` where it is over the limit, does not fit on the disk, or is removed again and again.
        """
        for _ in range(ATTEMPTS):
            if (found := self.find(name, open_file)) is not None:
                return found
            self.store(name, size, make)
        raise CadaError(f"{self.root / name}: others remove it as fast as it is made. Set {LIMIT} to more.")

    def find(self, name: str, open_file: Callable[[Path], Content]) -> Content | None:
        """The file `name`, opened, or None where it is not there, or is damaged and was removed. It counts as used now."""
        path = self.root / name
        try:
            with contextlib.suppress(PermissionError):  # another user's, who may let us read it
                os.utime(path)
            return open_file(path)
        except FileNotFoundError:  # or removed a moment ago
            return None
        except (ValueError, EOFError) as error:  # numpy's
            print(f"{path}: damaged ({error}), and made again.", file=sys.stderr)
            path.unlink(missing_ok=True)
            return None

    def store(self, name: str, size: int, make: Callable[[Path], None]) -> None:
        """Write the file `name` by `make(path)`, unless another process has; one process makes files at a time. Errors as in `read`."""
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with kernel_lock(self.root / "lock"):
                if not path.exists():
                    self._make_room(path, size)
                    with atomic(path) as partial:
                        make(partial)
        except OSError as error:  # of a file that has to go, or of the lock, whose error names none
            raise (of_file(error, error.filename) if error.filename else of_file(error, self.root / "lock", "cannot be locked")) from error

    def _make_room(self, path: Path, size: int) -> None:
        if size > self.limit:
            raise CadaError(f"{path}: takes {size / 1e9:.1f} GB and the cache may hold {self.limit / 1e9:g}. Set {LIMIT} to more.")
        kept = [(file.stat(), file) for file in self.root.rglob("*") if file.is_file() and file.name != "lock"]
        total = sum(status.st_size for status, _ in kept)
        for status, file in sorted(kept, key=lambda entry: entry[0].st_mtime_ns):
            if total + size <= self.limit:
                return
            file.unlink()
            total -= status.st_size
