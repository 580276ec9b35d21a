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


def build(
    dataset: str,
    form: str,
    splits: Mapping[str, Mapping[str, int]],
    *,
    annotation: Sequence[Path],
    images: Mapping[str, tuple[int, str]],
    truncated: int,
    oracles: dict[str, Any] | None,
) -> dict[str, Any]:
    """The manifest's content; `splits` are the counts of each split, `images` maps a path under imgs/ to (bytes, SHA-256)."""
    manifest = {
        "dataset": dataset,
        "format": form,
        "annotation": {path.name: {"bytes": path.stat().st_size, "sha256": files.digest(path)} for path in annotation},
        "splits": splits,
        "truncated_captions": truncated,
    }
    if oracles:
        manifest["oracles"] = oracles
    return manifest | {"images": {name: list(facts) for name, facts in images.items()}}


def write(path: Path, manifest: dict[str, Any]) -> None:
    """Write it readable at the top, and one image a line."""
    head = json.dumps({name: value for name, value in manifest.items() if name != "images"}, indent=1)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(facts)}" for name, facts in manifest["images"].items())
    files.write_text(path, f'{head[:-2]},\n "images": {{\n{lines}\n }}\n}}\n')


def read(path: Path, dataset: str) -> dict[str, Any]:
    """The manifest, or what to do when there is none."""
    if not path.is_file():
        raise CadaError(f"{path}: there is no manifest. Run `cada data prepare {dataset}` first.")
    return files.read_json(path)


def compare(manifest: Mapping[str, Any], root: Path, dataset: str) -> None:
    """Hold the disk against the manifest: digests of the annotation, names and sizes of the images. `CadaError` at a difference."""
    mend = remedy(dataset, drawn="oracles" in manifest)  # only a drawn set has them
    for name, facts in manifest["annotation"].items():
        path = root / name
        if not path.is_file():
            raise CadaError(f"{path}: there is no such file, but the manifest lists it. {mend}")
        if path.stat().st_size != facts["bytes"] or files.digest(path) != facts["sha256"]:
            raise CadaError(f"{path}: changed since the set was prepared. {mend}")
    folder = root / "imgs"
    for name, (size, _) in manifest["images"].items():  # what else lies under imgs/ is the user's, and is not looked at
        path = folder / name
        try:
            found = path.stat().st_size
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CadaError(f"{path}: there is no such image, but the manifest lists it. {mend}") from error
        except OSError as error:
            raise of_file(error, path, "cannot be read") from error
        if found != size:
            raise CadaError(f"{path}: has {found} bytes, {size} when the set was prepared. {mend}")


def remedy(dataset: str, *, drawn: bool) -> str:
    """What to do about files of a set that are missing, broken or changed."""
    if drawn:
        return f"Draw it anew with `cada data prepare {dataset} --force`, or, where DVC keeps it, run `dvc checkout data.dvc`."
    return f"Unpack or fetch the files again, or put them right yourself; then run `cada data prepare {dataset}`."
