"""Results of variants and seeds, and chapters of data sets, that params/workflow.yaml does not list.

DVC's `tables`, `figures`, `attention` and `report` depend on whole folders, for dvc.yaml cannot list the files of a matrix: a
file in them that no step makes would be recorded too, and no clone could restore it. So what the matrix no longer lists is
moved to .cada/unlisted, with its times, and back when it is listed again. A sweep's files are left alone: .dvcignore hides them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cada.config import Workflow
from cada.storage.paths import STATE, Layout, chapter_folder

UNLISTED = STATE / "unlisted"


def move_unlisted(matrix: Workflow) -> Iterator[Path]:
    """Move away what the matrix does not list; yields each file's old place."""
    for dataset in matrix.datasets:
        listed = set(_listed(dataset, matrix))
        kinds = {"metrics": 2, "rankings": 2, "history": 2, "probes": 2, "choices": 2, "associations": 2, "models": 3}
        for kind, depth in kinds.items():
            root = Layout(dataset).root / kind
            for path in sorted(root.glob("/".join("*" * depth))):
                variant = path.relative_to(root).parts[0]
                if path.is_file() and listed.isdisjoint((path, path.parent)) and "=" not in variant:
                    _move(path, UNLISTED / path)
                    yield path
    for path in sorted(chapter_folder("*").parent.glob("*/*")):
        if path.parent.name not in matrix.datasets:
            _move(path, UNLISTED / path)
            yield path


def restore_listed(matrix: Workflow) -> None:
    """Move back what the matrix lists, where no newer file has taken its place."""
    for path in moved_files(matrix):
        _move(path, path.relative_to(UNLISTED))


def moved_files(matrix: Workflow) -> list[Path]:
    """What `restore_listed` moves."""
    found: list[Path] = []
    for dataset in matrix.datasets:
        for place in (*_listed(dataset, matrix), chapter_folder(dataset)):
            moved = UNLISTED / place
            found += sorted(moved.iterdir()) if moved.is_dir() else [moved] if moved.exists() else []
    return [path for path in found if not path.relative_to(UNLISTED).exists()]


def _listed(dataset: str, matrix: Workflow) -> Iterator[Path]:
    """The files of every listed training, and the folder of its model."""
    layout = Layout(dataset)
    for variant in matrix.rows:
        for seed in matrix.seeds:
            probed = (layout.probes, layout.probe_outcomes, layout.probe_choices, layout.associations, layout.associated_phrases)
            yield from (place(variant, seed) for place in (layout.metrics, layout.rankings, layout.history, *probed, layout.model))


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
