"""The objectives that a model can be trained by: a module each, found by itself.

Whoever adds one writes a module with an `OBJECTIVE` here, and its weight into a variant's file: `weights: {NAME: 1.0}`.
Configuration reads this registry, so what needs torch is imported inside the functions of these modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from cada.objectives.definition import Objective

PAPER = ("global", "atp", "ara")  # in this order losses are added up and random numbers drawn; then come the others, by name


def _found() -> Mapping[str, Objective]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = {module.OBJECTIVE.name: module.OBJECTIVE for module in modules if hasattr(module, "OBJECTIVE")}
    return MappingProxyType({name: found[name] for name in (*PAPER, *sorted(found.keys() - set(PAPER)))})


OBJECTIVES = _found()
