"""What is there of a data set, at a glance: names and sizes are looked at, no image is opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from cada import config
from cada.datasets import manifest as manifests
from cada.datasets.catalogue import PublicSet
from cada.datasets.prepared import source_files
from cada.datasets.reading import annotation_names
from cada.errors import CadaError, of_file


def describe(dataset: str, data: config.Data, *, public: PublicSet | None, manifest: Path) -> list[tuple[str, str]]:
    """(part, its state) for each part of a set."""
    lines = [
        ("root", _state(lambda: f"{data.root}" + ("" if data.root.is_dir() else ": not there"))),
        ("annotation", _state(lambda: _annotation(dataset, data))),
        ("images", _state(lambda: _images(data))),
        ("manifest", _state(lambda: _manifest(dataset, data, manifest))),
    ]
    if public:
        return [*lines, ("ask for it", public.ask), ("terms", public.terms)]
    return [*lines, ("origin", f"drawn by `cada data prepare {dataset}`" if data.synthesis else "user-supplied")]


def _state(look: Callable[[], str]) -> str:
    """What `look` sees, or why it may not look: the other parts and sets are shown all the same."""
    try:
        return look()
    except CadaError as error:
        return str(error)
    except OSError as error:
        return str(of_file(error, error.filename, "cannot be read"))


def _annotation(dataset: str, data: config.Data) -> str:
    if not data.root.is_dir():
        return f"missing: {' or '.join(annotation_names(data.format, data.annotation))}"
    try:
        paths = source_files(dataset, data)
        return ", ".join(f"{path.name}, {path.stat().st_size / 1e6:,.1f} MB" for path in paths)
    except CadaError as error:
        return f"missing: {error}"


def _images(data: config.Data) -> str:
    folder = data.root / "imgs"
    if not folder.is_dir():
        return f"missing: {folder}/"
    places = Counter(name.rpartition("/")[0].partition("/")[0] for name in _files(folder))
    named = ", ".join(f"{place} {count:,}" for place, count in sorted(places.items()) if place)
    wanted = f" of {sum(counts.images for counts in data.expected.values()):,} expected" if data.expected else ""
    return f"{places.total():,} files{wanted}" + (f" ({named})" if named else "")


def _files(folder: Path, prefix: str = "", above: tuple[tuple[int, int], ...] = ()) -> Iterator[str]:
    """The paths of all files under `folder`. Links are followed, but not back to a folder `above`; one that leads nowhere is none."""
    facts = folder.stat()
    if (here := (facts.st_dev, facts.st_ino)) in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if path.is_dir():  # and not entry.is_dir(), which fails on a link to itself
                yield from _files(path, f"{prefix}{entry.name}/", (*above, here))
            elif not entry.is_symlink() or path.is_file():
                yield f"{prefix}{entry.name}"


def _manifest(dataset: str, data: config.Data, path: Path) -> str:
    if not path.is_file():
        return f"none; `cada data prepare {dataset}` checks the set and writes it"
    try:
        manifests.compare(manifests.read(path, dataset), data.root, dataset)
    except CadaError as error:
        return f"not current: {error}"
    return f"current: {path}"
