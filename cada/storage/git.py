"""What git says about the work tree: for tags and for places outside it, never for results."""

from __future__ import annotations

import subprocess
from pathlib import Path


def main_tree() -> Path:
    """The main work tree, also from a linked work tree or from the temporary clone of `dvc exp run --temp`.

    The folder itself in a submodule, in a work tree of a bare clone, and where it only lies inside another project's work tree.
    """
    common = Path(_ask("rev-parse", "--path-format=absolute", "--git-common-dir"))
    tree = common.parent if common.name == ".git" else Path.cwd()
    for parent in tree.parents:
        if parent.parts[-3:] == (".dvc", "tmp", "exps"):
            return parent.parents[2]
    return tree


def commit() -> str:
    """The commit of the work tree, or nothing outside git."""
    return _ask("rev-parse", "HEAD")


def dirty() -> bool:
    """Whether tracked files differ from the commit; dvc.lock and the scores, which every run rewrites, do not count."""
    return bool(_ask("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock", ":!results"))


def _ask(*arguments: str) -> str:
    """What git answers, or nothing where there is no git, or where this folder is not the top of a work tree."""
    try:
        top, *answer = (
            subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "--show-toplevel"), arguments)
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""
    return answer[0] if Path(top).samefile(Path.cwd()) else ""
