"""The public names of `import cada`, for autodoc."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import ModuleType

import cada


def page() -> str:
    """A section for each name: what stands alone first, then the modules."""
    values = {name: getattr(cada, name) for name in cada.__all__}
    alone = {name: value for name, value in values.items() if not isinstance(value, ModuleType)}
    sections = [f"## cada.{name}\n\n{described('cada', [name])}" for name in alone]
    for name, module in values.items():
        if isinstance(module, ModuleType):
            sections.append(f"## cada.{name}\n\n{inspect.getdoc(module)}\n\n{described(module.__name__, public(module))}")
    return "\n".join(sections)


def public(module: ModuleType) -> Iterable[str]:
    """The classes and functions that a module has for others: those that it loads when they are used, or those of its own."""
    loaded: Iterable[str] | None = getattr(module, "_NAMES", None)
    return loaded or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith(module.__name__)
    ]


def described(module: str, names: Iterable[str]) -> str:
    """The directives that have autodoc describe these names."""
    blocks = []
    for name in names:
        is_class = inspect.isclass(getattr(__import__(module, fromlist=[name]), name))
        blocks.append(f".. autoclass:: {module}.{name}\n   :members:\n" if is_class else f".. autofunction:: {module}.{name}\n")
    return "```{eval-rst}\n" + "\n".join(blocks) + "```\n"
