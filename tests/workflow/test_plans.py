"""After an edit both tools plan the steps whose recipes it reaches and what follows from them, and nothing else.

tests/recipes/ holds which recipes an edit reaches: every key, every module. Here each set of steps that some key reaches is
planned by the tools themselves, with results that are all there.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cada.config import Workflow, load_workflow
from cada.pipeline import Every, combinations, steps
from cada.recipes import Recipe, recipes_of, write
from cada.recipes.files import content
from cada.recipes.making import Reader
from tests.messages import line_with
from tests.recipes.keys import Key, all_keys, with_another_value
from tests.workflow.plans import dvc_plan, snakemake_plan
from tests.workflow.project import Project

MATRIX = "datasets: [synthpedes]\nvariants: [global, ara, dual]\nseeds: [0, 1]\n"
WORKFLOW = Path("params/workflow.yaml")


@pytest.fixture(scope="module")
def made(make_projects: Callable[..., Project]) -> Iterator[Project]:
    """A project in which everything is made and recorded, as the working directory."""
    project = make_projects("plans", matrix=MATRIX, fake=True)
    project.snakemake()
    project.run("workflow/scripts/record.sh")
    with contextlib.chdir(project.root):
        yield project


def texts(matrix: Workflow) -> dict[Recipe, str]:
    reader = Reader(matrix)
    return {recipe: content(recipe, reader) for recipe in recipes_of(matrix, WORKFLOW)}


def following(recipes: set[str], matrix: Workflow) -> set[str]:
    """The commands of the steps that have one of the recipes, and of all that follow from them, by the table of steps."""
    table = [step for step in steps() if not step.name.startswith("transfer")]
    jobs = {step.command.format(**own): (step, own) for step in table for own in combinations(step.over, matrix)}
    made, read = {}, {}
    for command, (step, own) in jobs.items():
        made |= {path.format(**own): command for path in step.outputs}
        read[command] = {path for pattern in step.inputs for path in files(pattern, own, matrix)} | {step.recipe.format(**own)}
    reached = {command for command in jobs if read[command] & recipes}
    while grown := {command for command in jobs if {made.get(path) for path in read[command]} & reached} - reached:
        reached |= grown
    return reached


def files(pattern: str | Every, own: dict[str, str], matrix: Workflow) -> list[str]:
    if isinstance(pattern, str):
        return [pattern.format(**own)]
    return [pattern.pattern.format(**own | chosen) for chosen in combinations(pattern.over, matrix)]


def reaching(matrix: Workflow) -> dict[frozenset[str], tuple[Path, Key, str]]:
    """Each set of recipes that some key reaches, with one such key and the file's text with another value of it."""
    before, found = texts(matrix), {}
    for path, place in all_keys():
        if path.parent.name != "synthpedes" and path.stem not in matrix.rows:
            continue  # tests/recipes: they reach nothing
        if (text := with_another_value(path, place)) is not None:
            original = path.read_text()
            path.write_text(text)
            after = texts(matrix)
            path.write_text(original)
            reached = frozenset(str(recipe.path) for recipe in after if after[recipe] != before[recipe])
            found.setdefault(reached, (path, place, text))
    return found


@pytest.mark.usefixtures("made")
def test_both_tools_plan_what_an_edit_of_a_parameter_reaches() -> None:
    matrix = load_workflow()
    assert snakemake_plan() == dvc_plan() == set()
    sizes = defaultdict(int)
    for recipes, (path, place, text) in reaching(matrix).items():
        original = path.read_text()
        path.write_text(text)
        write(recipes_of(matrix, WORKFLOW), matrix)  # as Snakemake does it itself, and DVC's first stages
        expected = following(set(recipes), matrix)
        ours, theirs = snakemake_plan(), dvc_plan()
        path.write_text(original)
        write(recipes_of(matrix, WORKFLOW), matrix)
        assert ours == theirs == expected, f"{path}: {place}"
        sizes[len(expected)] += 1
    assert len(sizes) > 5, "keys reach sets of several sizes"
    assert snakemake_plan() == dvc_plan() == set(), "back to where it was"


EDITS = {
    "a comment": ("params/synthpedes/train.yaml", "epochs", "# how often\n  epochs", set()),
    "a docstring": ("cada/config/data.py", '"""', '"""Another. ', set()),
    "a constant of the report": ("cada/reporting/html/chapter.py", "ALWAYS = (", "ANOTHER = 1\nALWAYS = (", {"chapter", "report"}),
    "a constant of the losses": ("cada/losses.py", "\n\n\n", "\n\nANOTHER = 1\n\n\n", None),
    "what MLflow is told": ("cada/tracking/runs.py", "FLUSH_SECONDS = 5.0", "FLUSH_SECONDS = 6.0", set()),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_a_text_plans_what_it_reaches(made: Project, edit: str) -> None:
    """By the commands that a person calls, which read the code of their own folder."""
    name, old, new, steps = EDITS[edit]
    original = (made.root / name).read_text()
    (made.root / name).write_text(original.replace(old, new, 1))
    shown = made.run("snakemake", "--dry-run", "--printshellcmds", "--", "all")
    ours = {line.split("step.sh ")[1].split(" 2> ")[0] for line in shown.splitlines() if "step.sh cada " in line}
    theirs = dvc_plan()
    (made.root / name).write_text(original)
    made.run("cada", "recipes")
    assert ours == theirs
    if steps is None:
        assert {command.split()[1] for command in ours} >= {"initial", "train", "evaluate", "report"}
        assert {command.split()[1] for command in ours}.isdisjoint({"data", "phrases"})
    else:
        assert {command.split()[1] for command in ours} == steps


def test_nothing_but_recipes_is_written_where_nothing_is_run(made: Project) -> None:
    def state() -> dict[str, int]:
        ignored = {".git", ".snakemake", "__pycache__", "recipes"}
        paths = (path for path in made.root.rglob("*") if path.is_file() and ignored.isdisjoint(path.relative_to(made.root).parts))
        return {str(path): path.stat().st_mtime_ns for path in paths}

    moved = made.root / ".cada/unlisted/results/synthpedes/metrics/dual/7.json"
    moved.parent.mkdir(parents=True, exist_ok=True)
    moved.write_text("{}")
    before = state()
    for arguments in (("-n",), ("--lint",), ("--dag", "mermaid-js"), ("--list-rules",), ("--summary",)):
        made.run("snakemake", "--cores", "1", *arguments)
        assert state() == before, arguments
    assert line_with(made.run("snakemake", "-n", "--config", "seeds=[7]"), 1, "results", ".cada/unlisted")
    assert state() == before
    moved.unlink()
    made.run("cada", "recipes")
