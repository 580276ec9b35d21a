"""The fingerprint of code: what counts, what does not, and that no module is forgotten."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cada.objectives import OBJECTIVES
from cada.recipes import code
from cada.recipes.places import OF_DATASET, OF_MATRIX, OF_REPORT, OF_VARIANT
from tests.messages import refused

PACKAGE = code.PACKAGE
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
VARIANTS = {"global": ("global",), "dual": ("global", "atp", "ara"), "sdm": ("global", "sdm")}
TRAININGS = {f"train {variant}" for variant in VARIANTS}
READERS_OF_OBJECTIVES = {"attention", "chapter", "figures", "release", "report", "tables"}
STEPS = [step.replace("-", "_") for step in (*OF_DATASET, *OF_VARIANT, *OF_MATRIX, *OF_REPORT, "transfer")]
# Python imports what takes long once, and each step's own modules in a process of the step's own.
RUNTIME = """
import os, sys
import matplotlib.pyplot, mlflow, pandas, torch._dynamo
from transformers import BertLMHeadModel, BertModel, ViTModel
for step in sys.argv[1:]:
    if (child := os.fork()) == 0:
        __import__(f"cada.steps.{step}")
        print(step, *(name for name in sys.modules if name.split(".")[0] == "cada"), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_edit_of_comments_docstrings_and_layout_is_none_and_an_edit_of_code_is_one(path: Path) -> None:
    """Every module of the package."""
    source = path.read_text()
    before = code.code_digest(source.encode())
    commented = "# a comment\n" + source.replace("\n\n", "\n\n# another\n\n\n").replace("\n# another\n\n\n    ", "\n\n    ")
    assert code.code_digest(commented.encode()) == before
    assert code.code_digest(documented(source).encode()) == before
    assert code.code_digest(f"{source}\nANOTHER_CONSTANT = 17\n".encode()) != before


def documented(source: str) -> str:
    """The text with another docstring for the module and for every function and class."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            has = ast.get_docstring(node, clean=False) is not None
            rest = node.body[1:] if has else node.body
            if rest or isinstance(node, ast.Module):
                node.body = [ast.Expr(ast.Constant("Another docstring.")), *rest]
    return ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize(
    ("one", "other"),
    [("x = 1", "x = 2"), ("x = 1", "x = 1.0"), ("f(a, b)", "f(b, a)"), ("x: int = 1", "x: float = 1"), ("x = 'a'", "x = b'a'")],
)
def test_another_value_order_or_type_is_an_edit(one: str, other: str) -> None:
    assert code.code_digest(one.encode()) != code.code_digest(other.encode())


def test_what_empty_fields_hold_does_not_run_into_what_follows() -> None:
    """f(a)(b) and f(a, b) have the same nodes in the same order."""
    assert code.code_digest(b"def f(x): return x\ny = 1") != code.code_digest(b"def f(x):\n    return x\n    y = 1")
    assert code.code_digest(b"f(a)(b)") != code.code_digest(b"f(a, b)")


def test_what_a_step_imports_is_found() -> None:
    """Python itself says what it has imported; what functions import when they are called is found too, and is more."""
    printed = subprocess.run([sys.executable, "-c", RUNTIME, *STEPS], check=True, capture_output=True, text=True).stdout
    listed = {step: set(modules) for step, *modules in map(str.split, printed.splitlines())}
    assert list(listed) == STEPS
    for step, modules in listed.items():
        exempt = {name for name in modules if code._without_effect(name)}
        theirs = code.imported({name for module in exempt for name in code._imports(code._source(module))})  # what only those import
        found = {own.module for own in OBJECTIVES.values()}  # by their registry
        assert modules - exempt - theirs - found <= code.imported([f"cada.steps.{step}"]), step


def test_the_modules_without_effect_are_there() -> None:
    """A name that is no module any more would hide one that comes later."""
    for name in code.WITHOUT_EFFECT:
        assert code._source(name) is not None, name


PUBLIC = [name.removesuffix(".__init__") for name in code.WITHOUT_EFFECT if name.endswith(".__init__")]


def test_packages_whose_names_are_loaded_when_used_are_left_out_alone() -> None:
    """Their modules count, and no module of the package takes from them what is not a module: that import would escape."""
    assert "cada" in PUBLIC
    assert {"cada.losses", "cada.phrases.masking"} <= code.imported(["cada.steps.train"])
    assert "cada.synthpedes.attributes" in code.imported(["cada.steps.data"])
    for path in MODULES:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        if name not in PUBLIC:
            taken = {taken for taken in code._imports(path) if taken.rpartition(".")[0] in PUBLIC}
            assert {taken for taken in taken if code._source(taken) is None} == set(), path


def test_of_the_parameters_code_takes_types_alone() -> None:
    """`cada.config` is without effect since values reach a step by its recipe: a constant or a function of it would escape."""
    parsers = {"load", "complaint", "load_storage"}  # of a model's config.json; of what is kept under .cada/
    for module in code.imported([f"cada.steps.{step}" for step in STEPS]):
        tree = ast.parse(Path(str(code._source(module))).read_bytes())
        nodes = list(ast.walk(tree))
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        taken = {alias.name for node in imports if str(node.module).startswith("cada.config") for alias in node.names}
        if any(node.module == "cada" and "config" in {alias.name for alias in node.names} for node in imports):
            attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
            taken |= {node.attr for node in attributes if node.value.id == "config"}
        assert all(name[0].isupper() and not name.isupper() for name in taken - parsers), f"{module} takes {taken - parsers}"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package in a folder of its own, to be changed."""
    target = tmp_path / "cada"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "PACKAGE", target)
    forget()
    return target


def forget() -> None:
    for known in (code._source, code._imports, code._code):
        known.cache_clear()


def fingerprints() -> dict[str, str]:
    """Of each step, and of the training of each variant; a report may use every objective, all other steps none."""
    of_reports = {step.replace("-", "_") for step in (*OF_MATRIX, *OF_REPORT)}
    used = {step: OBJECTIVES if step in of_reports else () for step in STEPS if step != "train"}
    used |= {f"train {variant}": names for variant, names in VARIANTS.items()}
    modules = {name: [OBJECTIVES[own].module for own in names] for name, names in used.items()}
    return {name: code.fingerprint(f"cada.steps.{name.split()[0]}", objectives=found) for name, found in modules.items()}


def changed_steps(path: Path, edit: str) -> set[str]:
    """What has another fingerprint when `edit` is appended to a file."""
    before = fingerprints()
    path.write_text(path.read_text() + edit)
    forget()
    after = fingerprints()
    forget()
    return {name for name in before if before[name] != after[name]}


def test_a_training_depends_on_the_objectives_that_its_variant_uses(copied: Path) -> None:
    edit, folder = "\nX = 1\n", copied / "objectives"
    assert changed_steps(folder / "sdm.py", edit) == {"train sdm"} | READERS_OF_OBJECTIVES
    assert changed_steps(folder / "atp.py", edit) == {"train dual", "initial"} | READERS_OF_OBJECTIVES
    assert changed_steps(folder / "global_association.py", edit) == TRAININGS | READERS_OF_OBJECTIVES
    assert changed_steps(folder / "__init__.py", edit) == TRAININGS | {"initial"} | READERS_OF_OBJECTIVES


def test_an_edit_reaches_the_steps_that_import_it(copied: Path) -> None:
    assert changed_steps(copied / "losses.py", "\nX = 1\n") == TRAININGS | {"initial"} | READERS_OF_OBJECTIVES
    assert changed_steps(copied / "reporting" / "html" / "chapter.py", "\nX = 1\n") == {"chapter", "report"}
    assert changed_steps(copied / "reporting" / "html" / "templates" / "style.css", "\nb {}\n") == {"chapter", "report"}
    assert changed_steps(copied / "synthpedes" / "garments.py", "\nX = 1\n") >= {"data"}
    assert not TRAININGS & changed_steps(copied / "synthpedes" / "body.py", "\nX = 1\n"), "the manifest says what is drawn"
    assert changed_steps(copied / "tracking" / "store.py", "\nX = 1\n") == set()
    assert changed_steps(copied / "config" / "steps.py", "\nX = 1\n") == set()


def test_a_public_name_runs_no_step_and_what_lies_beside_it_does(copied: Path) -> None:
    for package in PUBLIC:
        assert changed_steps(copied.joinpath(*package.split(".")[1:], "__init__.py"), "\nX = 1\n") == set()
    assert changed_steps(copied / "phrases" / "lexicon.yaml", "\n# another\n") >= {"phrases"}


@pytest.mark.parametrize(("name", "readers"), [("new.txt", {"chapter", "report"}), ("__pycache__/chapter.pyc", set())])
def test_data_are_of_the_package_that_they_lie_in_and_what_python_keeps_is_none(copied: Path, name: str, readers: set[str]) -> None:
    path = copied / "reporting" / "html" / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert changed_steps(path, "a letter") == readers


def test_a_relative_import_is_refused(copied: Path) -> None:
    path = copied / "losses.py"
    path.write_text(f"from . import paths\n{path.read_text()}")
    forget()
    with refused(path, "relative", by=AssertionError):
        code.fingerprint("cada.steps.train")
    forget()


SAMPLE = '''
"""A docstring."""
from __future__ import annotations
import os as system
from collections.abc import *

@decorated(1, *more, key=2)
class Kind(Base, metaclass=Meta):
    """Another."""
    field: int = 1
    other: "str"

    async def method(self, /, a, b=2, *args, c, d=None, **kwargs) -> None:
        """One more."""
        async with a as x, b: pass
        async for i in x: await i
        return [y async for y in z if y]

def function(*, f=lambda u: u):
    global g
    text = f"{f!r:>{10}} and {{}} {f=}" "joined" + rb"x".decode()
    text = f"{'a'}{f'{1:.2f}'}" + 'it''s' + "\\N{BULLET}"
    try:
        raise ValueError from None
    except (A, B) as error:
        assert error, "message"
    else:
        del text[1:2, ...]
    finally:
        ...
    try: pass
    except* C: pass
    match f:
        case {"a": [1, *rest], **others} | Point(x=0) if rest: pass
        case None | -1.5 | "s" | _: yield from rest
    while (n := n + 1) < 3 <= 4 and not m or k: continue
    x, *y = {**a, 'b': 1}, {1, 2}, {k: v for k, v in w}, 1j, 0x10, 1_000, True
    return x if y else -z ** ~w @ v // u
'''


def test_the_digest_is_the_same_on_every_python() -> None:
    """A recipe that another Python has made is the same: recorded with 3.11 and seen to be the same with 3.12 and 3.13."""
    assert code.code_digest(SAMPLE.encode()) == "f865e30f679f83cd6efada1ad503758dd15d84f52c7d36ec753efc155b067822"
