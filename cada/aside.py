"""Results of variants and seeds that params/workflow.yaml does not list, laid aside.

DVC's `tables` and `figures` depend on whole folders, for dvc.yaml cannot list the files of a matrix: a file in them that no
step makes would be recorded too, and no clone could restore it. So what the matrix no longer lists is moved to .cada/aside,
with its times, and back when it is listed again. Models stay where they are. A sweep's files are left alone: .dvcignore
hides them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cada.config import Workflow
from cada.paths import STATE, Layout

ASIDE = STATE / "aside"


def lay_aside(matrix: Workflow) -> Iterator[Path]:
    """Move away what the matrix does not list; yields each file's old place."""
    for dataset in matrix.datasets:
        listed = set(_listed(dataset, matrix))
        for folder in ("metrics", "rankings", "history", "probes"):
            for path in sorted((Layout(dataset).root / folder).glob("*/*.*")):
                if path not in listed and "=" not in path.parent.name:
                    _move(path, ASIDE / path)
                    yield path


def bring_back(matrix: Workflow) -> None:
    """Move back what the matrix lists, where no newer file has taken its place."""
    for dataset in matrix.datasets:
        for path in _listed(dataset, matrix):
            if (ASIDE / path).exists() and not path.exists():
                _move(ASIDE / path, path)


def _listed(dataset: str, matrix: Workflow) -> Iterator[Path]:
    layout = Layout(dataset)
    for variant in matrix.rows:
        for seed in matrix.seeds:
            places = (layout.metrics, layout.rankings, layout.history, layout.probes, layout.probe_outcomes)
            yield from (place(variant, seed) for place in places)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
