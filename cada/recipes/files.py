"""Recipes on the disk: canonical JSON, written only when its content changes, so that both tools see no more than what changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cada.config import Parameters, Workflow, load_workflow, validated
from cada.errors import CadaError
from cada.objectives import OBJECTIVES
from cada.recipes.code import fingerprint
from cada.recipes.making import Reader, values
from cada.recipes.models import TrainRecipe
from cada.recipes.places import OF_MATRIX, OF_REPORT, Recipe
from cada.runtime.parent_process import IN_WORKFLOW
from cada.storage.files import read_object, write_text

R = TypeVar("R", bound=Parameters)


@dataclass(frozen=True)
class Identity:
    """The fingerprints of a recipe: of its values, and of the code."""

    values: str
    code: str

    @property
    def run(self) -> str:
        """By what MLflow's run of a training is found: an edit of the code leaves it the same run."""
        return self.values[:12]


def take(recipe: Recipe, model: type[R]) -> R:
    """The values that a step reads.

    A step that is called by hand brings its recipe up to date first. In a workflow it takes the recipe as it is: the tool has
    brought all of them up to date, and a file that is edited while the workflow runs is for the next call.
    Errors: `CadaError` for a wrong parameter, or for a recipe that is missing.
    """
    if IN_WORKFLOW not in os.environ:
        matrix = load_workflow(recipe.workflow) if recipe.step in (*OF_MATRIX, *OF_REPORT) else None
        write([recipe], matrix)
    elif not recipe.path.is_file():
        raise CadaError(f"{recipe.path}: there is no such recipe. `cada recipes` writes it from the files in params/.")
    return validated(recorded(recipe)["values"], model, source=str(recipe.path))


def identity(recipe: Recipe) -> Identity:
    """The fingerprints of a recipe: of the file, or, where there is none, of what would be written now."""
    found = recorded(recipe)
    return Identity(hashlib.sha256(_canonical(found["values"]).encode()).hexdigest(), found["code"])


def recorded(recipe: Recipe) -> dict[str, Any]:
    """What the file of a recipe holds, or, where there is none, what would be written now."""
    if recipe.path.is_file():
        return read_object(recipe.path, again="`cada recipes` writes it again.", code=str, values=dict)
    found: dict[str, Any] = json.loads(content(recipe, Reader()))
    return found


def write(recipes: Iterable[Recipe], matrix: Workflow | None) -> list[Path]:
    """Bring recipes up to date; the paths of those that changed. matrix: where there are recipes of reports among them."""
    return put(texts(recipes, matrix))


def texts(recipes: Iterable[Recipe], matrix: Workflow | None) -> dict[Path, str]:
    """What the files of recipes are to hold. Errors: `CadaError` for a wrong parameter."""
    reader = Reader(matrix)
    return {recipe.path: content(recipe, reader) for recipe in recipes}


def put(texts: Mapping[Path, str]) -> list[Path]:
    """Write the files that are not as they are to be; their paths."""
    changed = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in changed:
        write_text(path, texts[path])
    return changed


def content(recipe: Recipe, reader: Reader) -> str:
    """The text of a recipe's file."""
    own = values(recipe, reader)
    code = _code(recipe.step, _objectives(recipe, own))
    return _canonical({"step": recipe.step, "code": code, "values": own.model_dump(mode="json")}) + "\n"


def _objectives(recipe: Recipe, own: Parameters) -> frozenset[str]:
    """The modules of the objectives that a step may use: a training its variant's, a report all, others none by their names."""
    names = own.weights if isinstance(own, TrainRecipe) else OBJECTIVES if recipe.step in (*OF_MATRIX, *OF_REPORT) else ()
    return frozenset(OBJECTIVES[name].module for name in names)


def _canonical(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)


@cache
def _code(step: str, objectives: frozenset[str]) -> str:
    return fingerprint(f"cada.steps.{step.replace('-', '_')}", objectives=objectives)
