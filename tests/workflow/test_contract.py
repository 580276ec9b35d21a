"""The two graphs say the same, a drift of either is found, and what a step imports or reads is among its inputs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml
from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.common.configfile import load_configfile

from cada.config import Persons, Workflow, known_datasets, load_dataset, load_workflow
from cada.config.loading import read_yaml
from cada.data.synthpedes.generate import tasks
from cada.files import digest
from tests.tracked import tracked
from tests.workflow.project import ROOT, copy_working_tree

REDIRECTION = " 2> "
STEP = "exec workflow/scripts/step.sh "
REMAKE = "make generated writes it anew"

# Modules that a step may import although an edit of them changes no result: errors, names, locks, when and where things are
# kept, what is told to MLflow, pictures for people, and packages that hold nothing themselves.
WITHOUT_EFFECT = {"cada.errors", "cada.files", "cada.gpus", "cada.paths", "cada.git", "cada.data.sheet"}
WITHOUT_EFFECT |= {"cada.cache", "cada.parquet", "cada.prefetch"}
WITHOUT_EFFECT |= {f"cada.tracking.{path.stem}" for path in (ROOT / "cada/tracking").glob("*.py")}
PACKAGES = ("config", "data", "model", "phrases", "probes", "report", "reporting", "retrieval", "steps", "tracking", "training")
WITHOUT_EFFECT |= {"cada", *(f"cada.{package}" for package in PACKAGES)}


@dataclass(frozen=True)
class Step:
    """One step as one tool sees it, its folders taken apart into files."""

    command: str
    inputs: frozenset[str]
    outputs: frozenset[str]


def snakemake_steps() -> list[Step]:
    """The jobs of `snakemake --forceall all`."""
    return [_step(job) for job in snakemake_jobs() if job.shellcmd]


def _step(job: Any) -> Step:
    return Step(job.shellcmd.split(REDIRECTION)[0], frozenset(job.input), frozenset(job.output))


def snakemake_jobs(target: str = "all", matrix: str = "params/workflow.yaml") -> list[Any]:
    """The only use of Snakemake's private parts."""
    with SnakemakeApi(OutputSettings(dryrun=True)) as api:
        workflow = api.workflow(
            snakefile=Path("Snakefile"),
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path(matrix)]),
        )
        dag = workflow.dag(DAGSettings(targets={target}, forceall=True))
        dag.execute_workflow(executor="dryrun")
        return list(workflow._workflow.dag.jobs)


def dvc_steps() -> list[Step]:
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

    return [
        Step(
            stage.cmd.removeprefix(STEP) if stage.cmd.startswith(STEP) else f"not by step.sh: {stage.cmd}",
            frozenset(file for dep in stage.deps for file in files(str(dep.def_path))),
            frozenset(str(out.def_path) for out in stage.outs),
        )
        for stage in stages
    ]


def differences(ours: list[Step], theirs: list[Step]) -> list[str]:
    """One line for each difference between the graphs; none where they say the same."""
    found = []
    for name, steps in {"Snakemake": ours, "DVC": theirs}.items():
        commands = [step.command for step in steps]
        found += [f"twice in {name}: {command}" for command in sorted(set(commands)) if commands.count(command) > 1]
    mine, others = ({step.command: step for step in steps} for steps in (ours, theirs))
    found += [f"only one tool knows: {command}" for command in sorted(mine.keys() ^ others.keys())]
    for command in sorted(mine.keys() & others.keys()):
        for kind in ("inputs", "outputs"):
            odd = getattr(mine[command], kind) ^ getattr(others[command], kind)
            found += [f"{kind} of {command}: {name}" for name in sorted(odd)]
    return found


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def ours() -> list[Step]:
    """Snakemake's steps, once for all drifts of dvc.yaml."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return snakemake_steps()
    finally:
        os.chdir(before)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the project to change, as the working directory."""
    copy_working_tree(tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)


def edit(name: str, old: str, new: str) -> None:
    text = Path(name).read_text()
    assert old in text, f"{name} has no {old!r}"
    Path(name).write_text(text.replace(old, new, 1))


def test_both_graphs_are_the_same(ours: list[Step]) -> None:
    matrix = load_workflow()
    cells = len(matrix.datasets) * len(matrix.variants) * len(matrix.seeds)
    assert len(ours) == 3 * cells + 8 * len(matrix.datasets) + 1
    assert differences(ours, dvc_steps()) == []


TRAIN = "cada train synthpedes --variant dual --seed 0"
TABLES = "cada tables synthpedes --workflow params/workflow.yaml"
DVC_DRIFTS = {
    "command": ("cada phrases ${item.dataset}", "cada phrases ${item.dataset} --fast", "only one tool knows: cada phrases synthpedes"),
    "caller": ("${step} cada initial", "cada initial", "only one tool knows: cada initial synthpedes"),
    "parameters": ("      - params/${item.dataset}/train.yaml\n", "", f"inputs of {TRAIN}: params/synthpedes/train.yaml"),
    "variant": ("      - params/variants/${item.variant}.yaml\n", "", f"inputs of {TRAIN}: params/variants/dual.yaml"),
    "code": ("      - cada/losses.py\n", "", "inputs of cada initial synthpedes: cada/losses.py"),
    "folder of code": ("      - cada/reporting\n", "", f"inputs of {TABLES}: cada/reporting/tables.py"),
    "input": (
        "      - results/${item.dataset}/initial/config.json\n      - results/${item.dataset}/initial/vocab.txt\n      - params",
        "      - results/${item.dataset}/initial/vocab.txt\n      - params",
        f"inputs of {TRAIN}: results/synthpedes/initial/config.json",
    ),
    "output": ("${item.variant}/${item.seed}.csv\n", "${item.seed}.csv\n", f"outputs of {TRAIN}: results/synthpedes/history/dual/0.csv"),
    "seeds": ("      seed: ${seeds}", "      seed: [0, 1]", "only one tool knows: cada train synthpedes --variant dual --seed 2"),
    "step": (
        "stages:\n",
        "stages:\n  extra:\n    cmd: ${step} cada extra\n    outs: [results/extra.txt]\n\n",
        "only one tool knows: cada extra",
    ),
}
SNAKEMAKE_DRIFTS = {
    "command": (
        "workflow/rules/phrases.smk",
        "cada phrases {wildcards.dataset}",
        "cada phrases {wildcards.dataset} --fast",
        "only one tool knows: cada phrases synthpedes --fast",
    ),
    "parameters": (
        "workflow/rules/train.smk",
        'file=["data", "train"]',
        'file=["train"]',
        "inputs of cada train synthpedes --variant atp --seed 1: params/synthpedes/data.yaml",
    ),
    "code": (
        "workflow/rules/common.smk",
        '"cada/losses.py", ',
        "",
        "inputs of cada train synthpedes --variant dual --seed 0: cada/losses.py",
    ),
    "output": (
        "workflow/rules/evaluate.smk",
        '        rankings="results/{dataset}/rankings/{variant}/{seed}.parquet",',
        '        rankings="results/{dataset}/rankings/{variant}-{seed}.parquet",',
        "outputs of cada evaluate synthpedes --variant dual --seed 0: results/synthpedes/rankings/dual/0.parquet",
    ),
}


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("drift", DVC_DRIFTS)
def test_a_drift_of_dvc_is_found(ours: list[Step], drift: str) -> None:
    old, new, found = DVC_DRIFTS[drift]
    edit("dvc.yaml", old, new)
    assert found in differences(ours, dvc_steps())


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize("drift", SNAKEMAKE_DRIFTS)
def test_a_drift_of_snakemake_is_found(drift: str) -> None:
    name, old, new, found = SNAKEMAKE_DRIFTS[drift]
    edit(name, old, new)
    assert found in differences(snakemake_steps(), dvc_steps())


@pytest.mark.usefixtures("copied")
def test_an_import_that_is_no_input_is_found() -> None:
    Path("cada/novelty.py").write_text("")
    edit("cada/training/loop.py", "from cada import distributed", "from cada import distributed, novelty")
    assert missing_code("train", dvc_steps()) == {"cada/novelty.py"}


def test_all_parameters_are_listed_for_comparing_commits() -> None:
    """`dvc params diff` and `dvc exp show` know the files of the list at the end of dvc.yaml, and no others."""
    listed = yaml.safe_load(Path("dvc.yaml").read_text())["params"]
    datasets = [str(Path(name).parent) for name in tracked("params") if name.endswith("/data.yaml")]
    files = {name for name in tracked("params") if str(Path(name).parent) in [*datasets, "params/variants"] and name.endswith(".yaml")}
    smoke = {name for name in files if name.startswith("params/smoke/")}  # never recorded
    assert sorted(listed) == sorted({"params/workflow.yaml"} | files - smoke)


@pytest.mark.parametrize("path", [name for name in tracked("params") if name.endswith(".yaml")])
def test_all_tools_read_the_same_from_a_parameter_file(path: str) -> None:
    """1e-4, on and 012 are one thing for YAML 1.1 and another for 1.2: such writings must not stand in a file."""
    ours = read_yaml(Path(path))
    assert load_yaml(path) == ours, "DVC"
    assert load_configfile(path) == ours, "Snakemake"


@pytest.mark.parametrize(
    "step",
    ["data", "phrases", "initial", "train", "evaluate", "probe", "tables", "figures", "attention", "probe-tables", "chapter", "report"],
)
def test_what_a_step_imports_is_among_its_inputs(step: str) -> None:
    """Code that decides a result and is no input would leave stale files behind, certified as fresh."""
    assert missing_code(step, dvc_steps()) == set()


@pytest.mark.usefixtures("copied")
def test_what_a_transfer_imports_is_among_its_inputs() -> None:
    """DVC does not make transfers."""
    Path("params/two.yaml").write_text("datasets: [synthpedes, smoke]\nvariants: [global]\nseeds: [0]\n")
    steps = [_step(job) for job in snakemake_jobs("transfers", "params/two.yaml") if job.shellcmd]
    assert missing_code("transfer", steps) == missing_code("transfer-tables", steps) == set()


def missing_code(step: str, steps: list[Step]) -> set[str]:
    """Files that the step's code imports and the graph does not know of."""
    inputs = next(found.inputs for found in steps if found.command.split()[1] == step)
    module = f"cada.steps.{step.replace('-', '_')}"
    needed = imported_modules(module) - WITHOUT_EFFECT
    if step not in ("data", "probe"):
        # What the generator draws is in the manifest, which is an input.
        needed = {module for module in needed if not module.startswith("cada.data.synthpedes")}
    assert module in needed
    return {str(source_of(module)) for module in needed} - set(inputs)


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


def test_the_recorded_data_is_what_the_parameters_draw() -> None:
    """Another seed gives another number of pictures; beside them lie two annotations and how the set was drawn."""
    synthesis = load_dataset("synthpedes").data.synthesis
    assert synthesis is not None
    pictures = sum(1 for split in Persons.model_fields for _ in tasks(synthesis, split))
    (recorded,) = yaml.safe_load(Path("data.dvc").read_text())["outs"]
    assert recorded["nfiles"] == pictures + 3, "make record writes data.dvc anew"


def test_the_schema_is_the_model() -> None:
    schema = json.loads(Path("workflow/schemas/workflow.schema.json").read_text())
    assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert schema == Workflow.model_json_schema(), REMAKE


def test_the_picture_of_the_steps_is_the_graph(ours: list[Step]) -> None:
    """Its arrows, as Graphviz names them, against who makes whose inputs."""
    space = "{http://www.w3.org/2000/svg}"
    groups = list(ElementTree.parse("docs/steps.svg").iter(f"{space}g"))
    titles = {kind: [group for group in groups if group.get("class") == kind] for kind in ("node", "edge")}
    names = {group.findtext(f"{space}title"): group.findtext(f"{space}text") for group in titles["node"]}
    drawn = {tuple(names[end] for end in str(group.findtext(f"{space}title")).split("->")) for group in titles["edge"]}
    rules = {step: step.command.split()[1].replace("-", "_") for step in ours}
    makers = {output: rules[step] for step in ours for output in step.outputs}
    arrows = {(makers[name], rules[step]) for step in ours for name in step.inputs if name in makers}
    assert drawn == arrows | {(name, "all") for name in ("tables", "figures", "attention", "probe_tables", "report")}, REMAKE
