"""What the pages name is there: files, tests, make targets, commands, switches, and the example variant."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from cada.cli import app
from cada.config import Variant, load_procedure
from cada.config.procedures import resolve_variant
from tests.tracked import tracked

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", *(name for name in tracked("docs") if name.endswith(".md")))
PAGES = {page: (ROOT / page).read_text(encoding="utf-8") for page in NAMES}
TESTS = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in tracked("tests") if Path(name).match("test_*.py"))
MADE = (
    "results/",
    "data/",
    "imgs/",
    "R/",
    ".cada/",
    "params/mine/",
    "weights/blip",
    "weights/cada",
    "gallery/",
    "docs/_build/",
)  # by a run, or by the reader
EXAMPLES = {"params/variants/rare_phrases.yaml", "cada/objectives/NAME.py", "tests/objectives/test_NAME.py"}
BY_NAME = {"dvc.lock", "data.yaml", "train.yaml", "model.yaml", "evaluate.yaml"}  # there is one for each data set, or after a run


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page: str) -> None:
    named = set(re.findall(r"[`(\"]([\w.-]+/[\w./-]*)[`)\"]", PAGES[page])) | set(
        re.findall(r"`([\w-]+\.(?:md|yaml|yml|dvc|lock))`", PAGES[page])
    )
    named = {name for name in named if not name.startswith(MADE)} - EXAMPLES - BY_NAME
    assert named or page.startswith("docs/")  # a page may name none
    there = {str(part) for name in tracked() for part in (Path(name), *Path(name).parents)}
    assert {name for name in named if name.rstrip("/") not in there} == set()


@pytest.mark.parametrize("page", ["docs/deviations.md", "docs/security.md"])
def test_tests_are_there(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGES[page]))
    assert len(named) > 5
    assert {name for name in named if f"def {name}(" not in TESTS} == set()


def test_what_is_cited_is_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])


def test_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", "\n".join(PAGES.values()), re.MULTILINE))
    assert {"reproduce", "test", "smoke", "record", "restore", "ui", "docs"} <= named <= targets


def test_commands_are_accepted() -> None:
    commands = re.findall(r"(?:^|`)cada ([^`\n#|]+)", "\n".join(PAGES.values()), re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        words, group = shlex.split(command), typer.main.get_command(app)
        while hasattr(group, "commands"):
            group = group.commands[words.pop(0)]
        if words:  # a page may speak of a command by its bare name
            group.make_context(command, words)


def test_the_tables_of_switches_and_losses_are_what_the_definitions_say() -> None:
    """Every value of the two procedures is in them."""
    page, rows = PAGES["docs/deviations.md"], {}
    for row in re.findall(r"^\| (`\w+` \|.*) \|$", page, re.MULTILINE):
        name, *cells = row.split(" | ")
        rows[name.strip("`")] = cells
    script = runpy.run_path(str(ROOT / "workflow/scripts/tables.py"))
    assert script["with_tables"](page) == page, "make generated writes them anew"
    for procedure, place in (("published", 1), ("robust", 2)):
        own = load_procedure(procedure)
        assert all(f"{value:g}" == rows[name][place] for name, value in own.weights.items())
        for name, value in own.switches:
            assert rows[name][place].startswith(f"`{value}`: " if isinstance(value, str) else f"{value:g}"), name


def keys_of(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys of a parameter file; the names of splits, losses and switches are values and no keys."""
    for key, value in values.items():
        yield prefix + key
        if isinstance(value, dict) and (key not in ("expected", "weights", "switches", "others") or "path" in value):
            yield from keys_of(value, f"{prefix}{key}.")


def test_every_parameter_is_listed_with_the_steps_that_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.chdir(ROOT)
    page = importlib.import_module("generated.parameters").page()
    sections = dict(re.findall(r"^## `(\S*?)(?:, \S+)?`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    for name in (name for name in tracked("params") if name.endswith(".yaml")):
        path = Path(name)
        places = [name, f"params/<dataset>/{path.name}", f"{path.parent}/<{path.parent.name.removesuffix('s')}>.yaml"]
        section = next((sections[place] for place in places if place in sections), sections["params/workflow.yaml"])
        listed = set(re.findall(r"^\| `(\S+)` \|", section, re.MULTILINE))
        assert {key for key in keys_of(yaml.safe_load(path.read_text())) if not key.startswith("recipe.")} <= listed, name
    rows = {
        row[0]: row[-1] for row in re.findall(r"^\| `(\S+)` \|.*\| ([^|]*) \|$", sections["params/<dataset>/evaluate.yaml"], re.MULTILINE)
    }
    assert rows["bootstrap"] == "evaluate, probe, transfer" and rows["fusion_weights"] == "evaluate"
    assert rows["compute.threads"] == "evaluate, probe, associate, transfer, attention"


def test_the_readme_has_the_recorded_scores() -> None:
    """To one decimal, by the score that a variant is judged by."""
    rows = [re.split(r" *\| *", line)[1:-1] for line in PAGES["README.md"].splitlines() if line.startswith("|")]
    shown = {row[0]: [float(row[column].split(" ± ")[0]) for column in (2, 4, 5, 6, 8)] for row in rows if "*" in row[1]}
    scores = json.loads((ROOT / "results/synthpedes/tables/scores.json").read_text(encoding="utf-8"))
    assert shown == {name: [pytest.approx(value, abs=0.0551) for value in own.values()] for name, own in scores.items()}
    assert len(PAGES["README.md"].splitlines()) <= 150


def test_the_example_variant_is_one() -> None:
    text = re.search(r"```yaml\n(title.*?)```", PAGES["docs/everyday.md"], re.DOTALL)
    assert text is not None
    variant = Variant.model_validate(yaml.safe_load(text[1]))
    assert resolve_variant(variant, load_procedure(variant.procedure)).reranks
