"""What is there of a data set, at a glance: names and sizes are looked at, no picture is opened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cada import config
from cada.data import manifest as manifests
from cada.data.catalogue import PublicSet
from cada.data.readers import ANNOTATIONS, annotation_files
from cada.errors import CadaError
from cada.paths import Layout


def describe(dataset: str, data: config.Data, *, public: PublicSet | None, manifest: Path) -> list[tuple[str, str]]:
    """(what, how it stands) for each part of a set."""
    lines = [("root", f"{data.root}" + ("" if data.root.is_dir() else ": not there")), ("annotation", _annotation(dataset, data))]
    lines += [("images", _images(data)), ("manifest", _manifest(dataset, data, manifest))]
    if public:
        return [*lines, ("ask for it", public.ask), ("terms", public.terms)]
    return [*lines, ("origin", f"drawn by `cada data prepare {dataset}`" if data.synthesis else "brought by you")]


def _annotation(dataset: str, data: config.Data) -> str:
    if not data.root.is_dir():
        return f"missing: {' or '.join(ANNOTATIONS[data.format])}"
    try:
        paths = annotation_files(data.format, data.root, where=Layout(dataset).params("data"))
        return ", ".join(f"{path.name}, {path.stat().st_size / 1e6:,.1f} MB" for path in paths)
    except CadaError as error:
        return f"missing: {error}"


def _images(data: config.Data) -> str:
    folder = data.root / "imgs"
    if not folder.is_dir():
        return f"missing: {folder}/"
    places = Counter(name.rpartition("/")[0].partition("/")[0] for name, _ in manifests.file_sizes(folder))
    named = ", ".join(f"{place} {count:,}" for place, count in sorted(places.items()) if place)
    wanted = f" of {sum(counts.images for counts in data.expected.values()):,} expected" if data.expected else ""
    return f"{places.total():,} files{wanted}" + (f" ({named})" if named else "")


def _manifest(dataset: str, data: config.Data, path: Path) -> str:
    if not path.is_file():
        return f"none; `cada data prepare {dataset}` checks the set and writes it"
    try:
        manifests.compare(manifests.read(path, dataset), data.root, dataset)
    except CadaError as error:
        return f"not current: {error}"
    return f"current: {path}"
