"""What the tests see of the working tree: the files that git tracks, as they are on the disk.

A file that a run or a user left there changes no test, so a test passes or fails in a used tree as in a fresh clone. A new file
that its author has not yet given to `git add` is not seen either.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def tracked(folder: str = ".") -> tuple[str, ...]:
    """The tracked files under a folder of the project that are there, by their path from the project's root."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--", folder], cwd=ROOT, check=True, capture_output=True, text=True)
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).exists())


def copy_tracked(folder: str, target: Path) -> None:
    """Copy a folder of the project to `target`, as `shutil.copytree` does, but its tracked files alone."""
    for name in tracked(folder):
        copy = target / Path(name).relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy)
