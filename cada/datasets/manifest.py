"""The manifest of a data set: what was found when it was prepared, and whether the disk still holds it.

No times, hosts or absolute paths: the same set gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cada.errors import CadaError, of_file
from cada.storage import files


def annotation_facts(paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Bytes and SHA-256 of the annotation files by their names."""
    return {path.name: {"bytes": path.stat().st_size, "sha256": files.digest(path)} for path in paths}


def write(path: Path, facts: Mapping[str, Any], *, images: Mapping[str, tuple[int, str]]) -> None:
    """Write it readable at the top, and one image a line: (bytes, SHA-256) by its path under imgs/."""
    head = json.dumps(facts, indent=1)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(known)}" for name, known in images.items())
    files.write_text(path, f'{head[:-2]},\n "images": {{\n{lines}\n }}\n}}\n')


def read(path: Path, dataset: str) -> dict[str, Any]:
    """The manifest, or what to do when there is none."""
    if not path.is_file():
        raise CadaError(f"{path}: there is no manifest. Run `cada data prepare {dataset}` first.")
    kinds = {"splits": dict, "annotation": dict, "images": dict}
    found = files.read_object(path, again=f"Run `cada data prepare {dataset}` again.", **kinds)
    if strange := next((name for name, known in found["images"].items() if not isinstance(known, list) or len(known) != 2), None):
        raise CadaError(f"{path}: images.{strange}: is no pair of bytes and SHA-256. Run `cada data prepare {dataset}` again.")
    return found


def compare(manifest: Mapping[str, Any], root: Path, dataset: str) -> None:
    """Hold the disk against the manifest: digests of the annotation, names and sizes of the images. `CadaError` at a difference."""
    advice = remedy(dataset, drawn="oracles" in manifest)  # only a drawn set has them
    for name, facts in manifest["annotation"].items():
        path = root / name
        if not path.is_file():
            raise CadaError(f"{path}: there is no such file, but the manifest lists it. {advice}")
        if annotation_facts([path])[name] != facts:
            raise CadaError(f"{path}: changed since the set was prepared. {advice}")
    folder = root / "imgs"
    for name, (size, _) in manifest["images"].items():  # what else lies under imgs/ is the user's, and is not looked at
        path = folder / name
        try:
            found = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CadaError(f"{path}: there is no such image, but the manifest lists it. {advice}") from error
        except OSError as error:
            raise of_file(error, path, "cannot be read") from error
        if found != size:
            raise CadaError(f"{path}: has {found} bytes, {size} when the set was prepared. {advice}")


def remedy(dataset: str, *, drawn: bool) -> str:
    """What to do about files of a set that are missing, broken or changed."""
    if drawn:
        return f"Draw it anew with `cada data prepare {dataset} --force`, or, where DVC keeps it, run `dvc checkout data.dvc`."
    return f"Unpack or fetch the files again, or put them right yourself; then run `cada data prepare {dataset}`."
