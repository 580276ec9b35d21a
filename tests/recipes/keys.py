"""Every key of every parameter file, each with another value that the models accept."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml

from cada.config import Parameters, Switches, load_dataset, load_procedure, load_storage, load_variant
from cada.datasets.formats import FORMATS
from cada.errors import CadaError

Key = tuple[str | int, ...]
# Alternatives for text: every value of every choice that the models know.
CHOICES = sorted({choice for field in Switches.model_fields.values() for choice in get_args(field.annotation)})
CHOICES += FORMATS
CHOICES += ["published", "robust", "cpu", "auto", "bf16", "epoch", "step", "all", "none", "file", "pretrain", "removal"]
WITHOUT_ALTERNATIVE = {("phrases", "tagger")}  # there is one


def keys(values: Any, place: Key = ()) -> Iterator[Key]:
    """The places of all single values."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from keys(value, (*place, key))
    elif isinstance(values, list) and values and not isinstance(values[0], dict | list):
        yield from ((*place, number) for number in range(len(values)))
    else:
        yield place


def alternatives(value: Any) -> list[Any]:
    """Other values, one of which may be valid."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2, value // 2, value + 3, value - 1]
    if isinstance(value, float):
        return [value * 0.5, value + 0.25, 1.0]
    if value is None:
        return [1, 0.5]
    text = str(value)
    flipped = ("1" if text[:1] == "0" else "0") + text[1:]
    return [*(choice for choice in CHOICES if choice != text), f"{text}x", flipped, 2]


def changed(values: Any, place: Key, value: Any) -> Any:
    """The values with another one at a place."""
    result = copy.deepcopy(values)
    inner = result
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return result


def loaded(path: Path) -> Parameters:
    """What the file's loader makes of it."""
    if path.parent.name == "variants":
        return load_variant(path.stem)
    if path.parent.name == "procedures":
        return load_procedure(path.stem)
    return load_storage() if path.name == "storage.yaml" else load_dataset(path.parent.name)


def with_another_value(path: Path, place: Key) -> str | None:
    """The file's text with another, valid value at a place, or None where there is none. The file is left as it is."""
    original, before = path.read_text(), loaded(path)
    values = yaml.safe_load(original)
    current: Any = values
    for key in place:
        current = current[key]
    try:
        for candidate in alternatives(current):
            edits = [changed(values, place, candidate)]
            if path.stem == "model" and place[0] in ("vision", "text"):  # their widths are one
                edits.append(changed(edits[0], ("text" if place[0] == "vision" else "vision", *place[1:]), candidate))
            for edit in edits:
                text = yaml.safe_dump(edit, sort_keys=False)
                path.write_text(text)
                try:
                    if loaded(path) != before:
                        return text
                except CadaError:
                    continue
    finally:
        path.write_text(original)
    return None


def all_keys() -> Iterator[tuple[Path, Key]]:
    """In the working directory's params/; workflow files are no parameters of steps."""
    for path in sorted(Path("params").glob("**/*.yaml")):
        if path.name != "workflow.yaml" and path.parent.name != "sweeps":
            yield from ((path, place) for place in keys(yaml.safe_load(path.read_text())))
