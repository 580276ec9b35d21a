"""The package as a library: the page's examples run, the names are there and typed, and importing them is light."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cada
from cada import phrases, synthpedes
from cada.retrieval import metrics
from tests.messages import refused

ROOT = Path(__file__).parents[1]
LIGHT = """
import time
start = time.perf_counter()
import cada
seconds = time.perf_counter() - start
import sys
heavy = [name for name in ("torch", "numpy", "pydantic", "transformers") if name in sys.modules]
print(seconds, heavy, set(cada._NAMES) <= set(dir(cada)))
"""


@pytest.mark.parametrize(("page", "examples"), [("library.md", 30), ("new-encoder.md", 6)])
def test_the_examples_of_the_pages_run(page: str, examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert done.failed == 0
    assert done.attempted > examples


def test_the_examples_of_docstrings_run() -> None:
    done = doctest.testmod(metrics)
    assert done.failed == 0 and done.attempted


@pytest.mark.parametrize("package", [cada, phrases, synthpedes], ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_known_to_type_checkers(package: object) -> None:
    assert all(getattr(package, name) is not None for name in package._NAMES)
    tree = ast.parse(Path(package.__file__).read_bytes())
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    assert {alias.asname or alias.name for node in typed.body for alias in node.names} == set(package._NAMES)
    assert (ROOT / "cada" / "py.typed").is_file()


def test_every_module_is_used() -> None:
    """By another one or a rule; objectives are found by themselves, and steps are called by their names."""
    used = {name for path in ROOT.glob("cada/**/*.py") for name in _named(ast.parse(path.read_bytes()))}
    rules = "".join(path.read_text() for path in (ROOT / "Snakefile", *ROOT.glob("workflow/**/*.smk"), *ROOT.glob("workflow/scripts/*.py")))
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("cada/**/*.py") if path.stem[:2] != "__"}
    unused = {module for module in modules - used if f"from {module} import" not in rules}
    assert {module for module in unused if not module.startswith(("cada.objectives.", "cada.steps."))} == set()


def _named(tree: ast.AST) -> Iterator[str]:
    """What a module imports, and what is a text in it, as the places of public names are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Constant):
            yield str(node.value)


def test_another_name_is_an_attribute_error() -> None:
    with refused("'cada'", "'lode'", by=AttributeError):
        _ = cada.lode


def test_importing_the_package_is_light() -> None:
    printed = subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    seconds, rest = printed.split(maxsplit=1)
    assert rest.split() == ["[]", "True"]
    assert float(seconds) < 0.3


WITHOUT_PYDANTIC = """
import sys
sys.modules["pydantic"] = None  # importing it fails
import cada
cada.Cada, cada.Search, cada.Matcher, cada.rerank, cada.match_logits, cada.metrics, cada.losses
import cada.training.finetune, cada.training.objective
print(*(phrase.text for phrase in cada.phrases.parse("a red bag")))
"""


def test_what_trains_and_scores_runs_without_pydantic() -> None:
    """The parameter files need it; a model, its search and its metrics are plain functions of tensors and dataclasses."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYDANTIC], check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("red bag\n", 0), done.stderr
