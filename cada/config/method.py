"""Weights of losses, what may take other switches' and weights' place, and the variants of the method."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from cada.config.base import Name, Parameters, Weight
from cada.config.switches import SomeSwitches, Switches
from cada.objectives import OBJECTIVES


def _known(name: str) -> str:
    if name not in OBJECTIVES:
        raise PydanticCustomError("extra_forbidden", "no such objective")
    return name


def _in_order(weights: dict[str, float]) -> dict[str, float]:
    return {name: weights[name] for name in OBJECTIVES if name in weights}


# By the objective's name, in the registry's order; one that has none, or 0, is left out at no cost.
Weights = Annotated[dict[Annotated[str, AfterValidator(_known)], Weight], AfterValidator(_in_order)]


class Refinements(Parameters):
    """Some switches and weights in place of others."""

    weights: Weights = Field(default_factory=dict)  #: weight of each loss, by its name; 0 leaves it out
    switches: SomeSwitches = Field(default_factory=Switches.model_construct)  #: switches in place of the procedure's


class Variant(Refinements):
    """params/variants/<variant>.yaml: one row of the ablation. It leaves an objective out by the weight 0."""

    title: str  #: the variant's name in tables
    procedure: Name  #: a file of `params/procedures/`, whose switches and weights it begins with
