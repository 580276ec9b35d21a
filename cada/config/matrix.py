"""params/workflow.yaml and params/sweeps/: which variants are trained on which data sets with which seeds.

A point of a sweep's grid is named by its values, `dual,ara=0.5,ara_rate=0.4`, and the name is all that a step needs: the
file of `dual`, with these values in place of its own. A value has one name and a name one value, however it is written.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator

from cada.config.base import Name, Parameters
from cada.config.method import Refinements, Variant
from cada.config.switches import Switches
from cada.objectives import OBJECTIVES
from cada.storage.points import base_of, values_of

KEYS = {"weights": list(OBJECTIVES), "switches": list(Switches.model_fields)}


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if repeated := [str(value) for value in dict.fromkeys(values) if values.count(value) > 1]:
        raise ValueError(f"{', '.join(repeated)} occurs twice")
    return values


Once = AfterValidator(_each_once)
Values = Annotated[tuple[float | str, ...], Field(min_length=1)]


class Grid(Parameters):
    """Every combination of these values: the keys of a variant's file, each with a list of values."""

    weights: dict[str, Values] = Field(default_factory=dict)  #: weights of losses, each with a list of values
    switches: dict[str, Values] = Field(default_factory=dict)  #: switches, each with a list of values

    @field_validator("weights", "switches")
    @classmethod
    def _known(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        section = str(info.field_name)
        if unknown := [key for key in values if key not in KEYS[section]]:
            raise ValueError(f"{', '.join(unknown)} is not among {', '.join(KEYS[section])}")
        return {key: _distinct(section, key, given) for key, given in values.items()}


def _distinct(section: str, key: str, given: Sequence[Any]) -> tuple[Any, ...]:
    """The values of `key` as a variant's file would have them, each in one spelling: 1.0 for `1`, `"1.0"` and `" 1"`."""
    spelt: dict[Any, Any] = {}
    for value in given:
        try:
            found = dict(getattr(Refinements.model_validate({section: {key: value}}), section))[key]
        except ValidationError as error:
            raise ValueError(f"{key}: {error.errors()[0]['msg']} (found {value!r})") from error
        if found in spelt:
            twice = f"{spelt[found]!r} and {value!r} are one value" if repr(value) != repr(spelt[found]) else f"{value!r} occurs twice"
            raise ValueError(f"{key}: {twice}. Leave one of them out")
        spelt[found] = value
    return tuple(spelt)


class Workflow(Parameters):
    """params/workflow.yaml, or a sweep: the matrix of the experiment."""

    datasets: Annotated[tuple[Name, ...], Field(min_length=1), Once]  #: folders of `params/`
    variants: Annotated[tuple[Name, ...], Field(min_length=1), Once]  #: files of `params/variants/`, the rows of the tables
    #: of the trainings; each variant is trained with each
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), Once]
    grid: Grid = Grid()  #: in `params/sweeps/` alone: every combination of these values is a row

    @property
    def rows(self) -> list[str]:
        """The variants, or in a sweep the names of their combinations with the grid, in the order of the file."""
        axes = [[(key, value) for value in values] for key, values in (self.grid.weights | self.grid.switches).items()]
        return [point_name(variant, point) for variant in self.variants for point in itertools.product(*axes)]


def point_name(variant: str, values: Sequence[tuple[str, float | str]]) -> str:
    """The name of a grid's point; the same values have the same name, whatever their order in the file."""
    ordered = sorted(values, key=lambda item: [*KEYS["weights"], *KEYS["switches"]].index(item[0]))
    return ",".join([variant, *(f"{key}={_text(value)}" for key, value in ordered)])


def _text(value: float | str) -> str:
    """The shortest text that is read as this very value."""
    return repr(value + 0.0).removesuffix(".0") if isinstance(value, float) else str(value)  # -0.0 + 0.0 is 0.0


def canonical(variant: Variant, name: str) -> str:
    """The name of the point that `name` stands for, from the `variant` that has its values."""
    parameters = variant.weights | dict(variant.switches)
    return point_name(base_of(name), [(key, parameters[key]) for key in values_of(name)])


def with_values(variant: Variant, name: str) -> dict[str, Any]:
    """The variant's parameters with the values that the name gives, not yet validated."""
    changes = values_of(name)
    parameters: dict[str, Any] = variant.model_dump()
    for key, value in changes.items():
        parameters["weights" if key in OBJECTIVES else "switches"][key] = value  # pydantic reads numbers from text
    if changes:
        parameters["title"] += ", " + ", ".join(f"{key} = {value}" for key, value in changes.items())
    return parameters
