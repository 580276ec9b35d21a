"""Public names of a package that are loaded when they are used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def load_name(package: str, name: str, places: Mapping[str, str]) -> Any:
    """What `places` has for `name`, a module or "module:name", kept in `package`. Errors: `AttributeError` for any other name."""
    if name not in places:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    module, _, attribute = places[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    setattr(sys.modules[package], name, value)
    return value
