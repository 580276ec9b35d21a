"""Which values of its recipe a step reads, recorded while it runs: imported before any step, in a process of its own.

Read is what is taken from a model of parameters by its name, by iterating over it or by dumping it. A value that is taken and
then not used counts as read, and what is read of a copy does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

import cada.recipes
from cada.config import Parameters
from cada.recipes import Recipe
from cada.storage.files import read_json

Key = tuple[str, ...]
R = TypeVar("R", bound=Parameters)

_take = cada.recipes.take
_places: dict[int, tuple[str, Key]] = {}  # of the models in recipes, by identity
_kept: list[Parameters] = []  # so that no other object gets the identity of one of them
_read: dict[str, set[Key]] = defaultdict(set)  # by the recipe's name
_read_whole: dict[str, set[Key]] = defaultdict(set)  # with all that is below
_values: dict[str, Any] = {}


def take(recipe: Recipe, model: type[R]) -> R:
    """`cada.recipes.take`, whose result is watched from here on."""
    taken, name = _take(recipe, model), f"{recipe.step} {recipe.variant}".strip()
    _values[name] = read_json(recipe.path)["values"]
    _watch(taken, name, ())
    return taken


def unread() -> dict[str, list[str]]:
    """By the name of each recipe that was taken, `train dual`, the values that were not read: `train.optimisation.epochs`."""
    return {name: [".".join(key) for key in leaves(values) if not _is_read(name, key)] for name, values in _values.items()}


def leaves(values: Any, place: Key = ()) -> Iterator[Key]:
    """The places of single values, and of lists of them, in a recipe's file."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, (*place, key))
    elif isinstance(values, list) and values and isinstance(values[0], dict):
        for number, value in enumerate(values):
            yield from leaves(value, (*place, str(number)))
    else:
        yield place


def _is_read(name: str, key: Key) -> bool:
    return key in _read[name] or any(key[:length] in _read_whole[name] for length in range(len(key) + 1))


def _watch(value: Any, name: str, place: Key) -> None:
    """Watch the models in a value of the recipe `name`."""
    if isinstance(value, Parameters):
        _places[id(value)] = name, place
        _kept.append(value)
    for key, inner in _inner(value):
        _watch(inner, name, (*place, key))


def _inner(value: Any) -> list[tuple[str, Any]]:
    """What a model, a mapping or a sequence holds, by the keys that files have."""
    if isinstance(value, Parameters):
        return [(_in_files(value, field), held) for field, held in vars(value).items()]
    if isinstance(value, dict):
        return list(value.items())
    return [(str(number), held) for number, held in enumerate(value)] if isinstance(value, tuple) else []


def _has_models(value: Any) -> bool:
    return isinstance(value, Parameters) or any(_has_models(inner) for _, inner in _inner(value))


def _in_files(model: Parameters, field: str) -> str:
    return type(model).model_fields[field].alias or field


def _attribute(self: Parameters, field: str) -> Any:
    value = object.__getattribute__(self, field)
    if (found := _places.get(id(self))) and field in type(self).model_fields:
        name, place = found
        (_read if _has_models(value) else _read_whole)[name].add((*place, _in_files(self, field)))
    return value


def _iterate(self: Parameters) -> Iterator[tuple[str, Any]]:
    return ((field, getattr(self, field)) for field in list(vars(self)))


def _dump(self: Parameters, **how: Any) -> dict[str, Any]:
    if found := _places.get(id(self)):
        name, place = found
        left_out = set(how.get("exclude") or ())
        _read_whole[name] |= {(*place, _in_files(self, field)) for field in vars(self) if field not in left_out}
        _read[name].add(place)  # in a file a model may be empty
    return BaseModel.model_dump(self, **how)


cada.recipes.take = take
Parameters.__getattribute__ = _attribute
Parameters.__iter__ = _iterate
Parameters.model_dump = _dump
