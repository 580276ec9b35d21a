"""The fingerprint of a step's code: the modules that it imports, found by reading them, without comments, docstrings and layout.

It is the same on every Python: nothing that only newer syntax trees have enters it. Nothing is imported to find it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cada

PACKAGE = Path(cada.__file__).parent

# Modules whose edit runs no step again, each with the reason: with all that is in them, or, as NAME.__init__, the code of a package's
# own file alone. Everything else that a step imports counts.
WITHOUT_EFFECT = {
    "cada.__init__": "its public names are loaded when used",
    "cada.config": "what a step reads of the parameters is in its recipe, as values",
    "cada.errors": "the class of messages",
    "cada.gallery.__init__": "its public names are loaded when used",
    "cada.names": "how they are loaded",
    "cada.phrases.__init__": "its public names are loaded when used",
    "cada.recipes": "what they write is the recipe itself",
    "cada.runtime.console": "how messages are shown",
    "cada.runtime.gpus": "which of several equal devices is used",
    "cada.runtime.memory": "what the process holds, not what it computes",
    "cada.runtime.parent_process": "when a step ends, not what it makes",
    "cada.runtime.prefetch": "when a batch is made, not what is in it",
    "cada.storage.addresses": "how an address is shown",
    "cada.storage.cache": "what is kept is found under its content, or made again",
    "cada.storage.files": "how a file is put in its place",
    "cada.storage.git": "what MLflow and the report say of the commit",
    "cada.storage.paths": "a place that changes is another input or output, which both graphs see",
    "cada.synthpedes.__init__": "its public names are loaded when used",
    "cada.tracking": "MLflow is written to and never read",
}

REGISTRY = "cada.objectives"  # finds its modules when it is imported, so nothing that is read imports them


def fingerprint(module: str, *, objectives: Iterable[str] = ()) -> str:
    """SHA-256 of the code that `module` runs: itself, what it imports, and the templates beside it.

    objectives: the modules of the objectives that it may use, where it imports their registry.
    """
    digest, found = hashlib.sha256(), imported([module])
    if REGISTRY in found:
        found |= imported(objectives)
    for module in sorted(found):
        source = _source(module)
        assert source is not None
        if f"{module}.__init__" not in WITHOUT_EFFECT:
            digest.update(f"{module} {_code(source)}\n".encode())
        for path in _data_files(source):
            digest.update(f"{path.relative_to(PACKAGE)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def imported(modules: Iterable[str]) -> set[str]:
    """`modules` and those of this package that they import, anywhere in their code, and so on; less those without effect."""
    found: set[str] = set()
    queue = [name for module in modules for name in _with_packages(module)]
    while queue:
        module = queue.pop()
        source = _source(module)
        if module not in found and source is not None and not _without_effect(module):
            found.add(module)
            queue += () if f"{module}.__init__" in WITHOUT_EFFECT else _imports(source)
    return found


def _without_effect(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in WITHOUT_EFFECT)


def _with_packages(module: str) -> Iterator[str]:
    """A module, and the packages that are imported on the way to it."""
    parts = module.split(".")
    yield from (".".join(parts[: place + 1]) for place in range(len(parts)))


@cache
def _source(module: str) -> Path | None:
    """The file of a module of this package, or None for any other name."""
    first, *rest = module.split(".")
    path = PACKAGE.joinpath(*rest)
    files = [path / "__init__.py"] if first == PACKAGE.name else []
    if rest and first == PACKAGE.name:
        files.append(path.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


@cache
def _imports(source: Path) -> tuple[str, ...]:
    """The names that a file imports, each with its packages; a name of a module's content may be among them."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{source}: relative imports are not followed"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(dict.fromkeys(part for name in names if name.split(".")[0] == PACKAGE.name for part in _with_packages(name)))


def _data_files(source: Path) -> list[Path]:
    """What lies beside a package's code and is read by it, such as templates: it counts by its bytes."""
    if source.name != "__init__.py":
        return []
    folders = [source.parent, *(path for path in source.parent.iterdir() if path.is_dir() and not (path / "__init__.py").exists())]
    files = (file for folder in folders if folder.name != "__pycache__" for file in folder.iterdir() if file.is_file())
    return sorted(file for file in files if file.suffix not in (".py", ".typed") and not file.name.startswith("."))


@cache
def _code(source: Path) -> str:
    return code_digest(source.read_bytes())


def code_digest(source: bytes) -> str:
    """SHA-256 of the syntax tree of a module's text, without docstrings."""
    parts: list[str] = []
    _write(ast.parse(source), parts)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _write(node: ast.AST, parts: list[str]) -> None:
    """Append a node and what is below it; fields that are empty are left out, for newer Pythons have more of them."""
    parts.append(type(node).__name__)
    if isinstance(node, ast.Constant):
        parts.append(repr(node.value))
        return
    for name in node._fields:
        value: Any = getattr(node, name, None)
        if name == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            value = value[1:] if ast.get_docstring(node, clean=False) is not None else value
        if isinstance(node, ast.JoinedStr):  # Python 3.12 closes a nested format with an empty text
            value = [item for item in value if not (isinstance(item, ast.Constant) and item.value == "")]
        if isinstance(value, ast.AST):
            parts.append(name)
            _write(value, parts)
        elif isinstance(value, list):
            parts += [name] if value else []
            for item in value:
                if isinstance(item, ast.AST):
                    _write(item, parts)
                else:
                    parts.append(repr(item))
            parts += ["end"] if value else []
        elif value is not None:
            parts.append(f"{name} {value!r}")
