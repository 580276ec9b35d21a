"""The two graphs say the same: steps, commands, inputs and outputs; and what a step imports is among its inputs."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dvc.repo import Repo
from snakemake.api import DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi

from cada.config import Workflow, known_datasets, load_dataset, load_workflow
from cada.files import digest

ROOT = Path(__file__).parents[2]
REDIRECTION = " 2> "
GUARD = "workflow/scripts/activated.sh"

# Modules that a step may import although an edit of them changes no result: errors, names, locks, when and where things are
# kept, what is told to MLflow, pictures for people, and packages that hold nothing themselves.
WITHOUT_EFFECT = {"cada.errors", "cada.files", "cada.paths", "cada.git", "cada.data.sheet"}
WITHOUT_EFFECT |= {"cada.cache", "cada.prefetch"}
WITHOUT_EFFECT |= {f"cada.tracking.{path.stem}" for path in (ROOT / "cada/tracking").glob("*.py")}
PACKAGES = ("config", "data", "model", "phrases", "reporting", "retrieval", "steps", "tracking", "training")
WITHOUT_EFFECT |= {"cada", *(f"cada.{package}" for package in PACKAGES)}


@dataclass(frozen=True)
class Step:
    """One step as one tool sees it, its folders taken apart into files."""

    command: str
    inputs: frozenset[str]
    outputs: frozenset[str]


def snakemake_steps() -> set[Step]:
    """The jobs of `snakemake --forceall all`. The only use of Snakemake's private parts."""
    with SnakemakeApi(OutputSettings(dryrun=True)) as api:
        workflow = api.workflow(snakefile=Path("Snakefile"), resource_settings=ResourceSettings(cores=1))
        dag = workflow.dag(DAGSettings(targets={"all"}, forceall=True))
        dag.execute_workflow(executor="dryrun")
        jobs = list(workflow._workflow.dag.jobs)
        return {Step(job.shellcmd.split(REDIRECTION)[0], frozenset(job.input), frozenset(job.output)) for job in jobs if job.shellcmd}


def dvc_steps() -> set[Step]:
    """The stages of dvc.yaml; a folder of outputs stands for the outputs in it, a folder of code for its files."""
    stages = [stage for stage in Repo().index.stages if stage.cmd]
    made = [str(out.def_path) for stage in stages for out in stage.outs]

    def files(name: str) -> Iterator[str]:
        if name in made:
            yield name
        elif any(out.startswith(f"{name}/") for out in made):
            yield from (out for out in made if out.startswith(f"{name}/"))
        elif Path(name).is_dir():
            yield from (str(path) for path in Path(name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        else:
            yield name

    for stage in stages:
        assert stage.cmd[:-1] == [GUARD], stage.addressing
    return {
        Step(
            stage.cmd[-1],
            frozenset(file for dep in stage.deps for file in files(str(dep.def_path))),
            frozenset(str(out.def_path) for out in stage.outs),
        )
        for stage in stages
    }


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_both_graphs_are_the_same() -> None:
    ours, theirs = snakemake_steps(), dvc_steps()
    matrix = load_workflow()
    cells = len(matrix.datasets) * len(matrix.variants) * len(matrix.seeds)
    assert len(theirs) == 2 * cells + 4 * len(matrix.datasets)
    by_command = {step.command: step for step in theirs}
    assert {step.command for step in ours} == set(by_command)
    for step in ours:
        other = by_command[step.command]
        assert step.inputs == other.inputs, f"{step.command}: {sorted(step.inputs ^ other.inputs)}"
        assert step.outputs == other.outputs, f"{step.command}: {sorted(step.outputs ^ other.outputs)}"


@pytest.mark.parametrize("step", ["data", "phrases", "initial", "train", "evaluate", "tables"])
def test_what_a_step_imports_is_among_its_inputs(step: str) -> None:
    """Code that decides a result and is no input would leave stale files behind, certified as fresh."""
    inputs = next(found.inputs for found in dvc_steps() if found.command.split()[1] == step)
    needed = imported_modules(f"cada.steps.{step}") - WITHOUT_EFFECT
    if step != "data":
        # What the generator draws is in the manifest, which is an input.
        needed = {module for module in needed if not module.startswith("cada.data.synthpedes")}
    assert f"cada.steps.{step}" in needed
    assert {str(source_of(module)) for module in needed} - set(inputs) == set()


def imported_modules(module: str) -> set[str]:
    """The module and the modules of this package that it imports, and those that they import in turn."""
    found, queue = {module}, [module]
    while queue:
        source = source_of(queue.pop())
        assert source is not None
        new = set(imports(ast.parse(source.read_text()))) - found
        found |= new
        queue += new
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of this package that a tree imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "cada" and source_of(name) is not None)


def source_of(module: str) -> Path | None:
    """The file of a module, relative to the project, or None for what is no module."""
    path = Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def test_the_pinned_vocabularies_are_these_files() -> None:
    for dataset in known_datasets():
        vocabulary = load_dataset(dataset).model.vocabulary
        if vocabulary is not None:
            assert digest(vocabulary.path) == vocabulary.sha256


def test_the_schema_is_the_model() -> None:
    schema = json.loads(Path("workflow/schemas/workflow.schema.json").read_text())
    assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert schema == Workflow.model_json_schema()
