"""Both graphs come from one table: dvc.yaml is what the table gives, and the tools' own graphs say the same."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml
from snakemake.common.configfile import load_configfile

from cada.config import DatasetParameters, Persons, known_datasets, load_dataset, load_workflow
from cada.config.loading import read_yaml
from cada.pipeline import steps
from cada.recipes.places import OF_MATRIX
from cada.storage.files import digest
from cada.synthpedes.generate import tasks
from tests.tracked import ROOT, tracked
from tests.workflow.plans import SHELL, snakemake_jobs

REMAKE = "make generated writes it anew"
RECIPES = ("recipes", "variant-recipes", "report-recipe")


@dataclass(frozen=True)
class Job:
    """One step as one tool sees it, its folders taken apart into files."""

    command: str
    inputs: frozenset[str]
    outputs: frozenset[str]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def snakemake_graph() -> set[Job]:
    """The jobs of `snakemake --forceall all`."""
    return {_job(job) for job in snakemake_jobs() if job.shellcmd}


def _job(job: Any) -> Job:
    command = job.shellcmd.split(" 2> ")[0]
    return Job(command, frozenset(job.input), frozenset(job.output))


def dvc_graph() -> set[Job]:
    """The stages of dvc.yaml but for those of the recipes; a folder of outputs stands for the outputs in it."""
    stages = [stage for stage in Repo().index.stages if stage.cmd and stage.addressing.split("@")[0] not in RECIPES]
    made = [str(out.def_path) for stage in stages for out in stage.outs]

    def files(name: str) -> Iterator[str]:
        within = [out for out in made if out.startswith(f"{name}/")]
        yield from within or [name]

    return {
        Job(
            stage.cmd,
            frozenset(file for dep in stage.deps for file in files(str(dep.def_path))),
            frozenset(str(out.def_path) for out in stage.outs),
        )
        for stage in stages
    }


def test_dvc_yaml_is_what_the_table_gives() -> None:
    made = subprocess.run([sys.executable, "workflow/scripts/dvc_yaml.py"], check=True, capture_output=True, text=True).stdout
    assert Path("dvc.yaml").read_text() == made, REMAKE


def test_both_tools_build_the_same_graph() -> None:
    matrix = load_workflow()
    cells = len(matrix.datasets) * len(matrix.variants) * len(matrix.seeds)
    ours, theirs = snakemake_graph(), dvc_graph()
    assert {job.command for job in ours} == {job.command for job in theirs}
    assert ours == theirs
    assert len(ours) == 4 * cells + 10 * len(matrix.datasets) + 1
    assert all(job.command.startswith(f"{SHELL}cada ") for job in ours)


def test_every_step_has_its_recipe_among_the_outputs_of_dvc_s_first_stages() -> None:
    stages = [stage for stage in Repo().index.stages if stage.addressing.split("@")[0] in RECIPES]
    written = {str(out.def_path) for stage in stages for out in stage.outs}
    read = {name for job in dvc_graph() for name in job.inputs if "/recipes/" in name}
    assert read == written
    assert len(read) == len({job.command.split(" --seed")[0] for job in dvc_graph()})


def test_dvc_compares_all_parameters_of_the_matrix() -> None:
    """`dvc params diff` and `dvc exp show` have every file that a recipe is made from."""
    matrix = load_workflow()
    compared = {str(dep.def_path) for stage in Repo().index.stages for dep in stage.params}
    sets = {f"params/{dataset}/{name}.yaml" for dataset in matrix.datasets for name in DatasetParameters.model_fields}
    variants = {f"params/variants/{variant}.yaml" for variant in matrix.variants}
    procedures = {name for name in tracked("params") if name.startswith("params/procedures/")}
    assert compared == {"params/workflow.yaml"} | sets | variants | procedures


def test_no_step_writes_where_another_does() -> None:
    made = [path for step in steps() for path in step.outputs]
    assert len(made) == len(set(made))


@pytest.mark.parametrize("path", [name for name in tracked("params") if name.endswith(".yaml")])
def test_all_tools_read_the_same_from_a_parameter_file(path: str) -> None:
    """1e-4, on and 012 are one thing for YAML 1.1 and another for 1.2: such writings must not stand in a file."""
    ours = read_yaml(Path(path))
    assert load_yaml(path) == ours, "DVC"
    assert load_configfile(path) == ours, "Snakemake"


def test_the_pinned_vocabularies_are_these_files() -> None:
    for dataset in known_datasets():
        vocabulary = load_dataset(dataset).model.vocabulary
        if vocabulary is not None:
            assert digest(vocabulary.path) == vocabulary.sha256


def test_the_recorded_data_is_what_the_parameters_draw() -> None:
    """Another seed gives another number of images; beside them lie the annotation and how the set was drawn."""
    synthesis = load_dataset("synthpedes").data.synthesis
    assert synthesis is not None
    images = sum(1 for split in Persons.model_fields for _ in tasks(synthesis, split))
    (recorded,) = yaml.safe_load(Path("data.dvc").read_text())["outs"]
    assert recorded["nfiles"] == images + 2, "make record writes data.dvc anew"


def test_the_drawn_steps_are_the_graph() -> None:
    """Its arrows, as Graphviz names them, against who makes whose inputs."""
    space = "{http://www.w3.org/2000/svg}"
    groups = list(ElementTree.parse("docs/steps.svg").iter(f"{space}g"))
    titles = {kind: [group for group in groups if group.get("class") == kind] for kind in ("node", "edge")}
    names = {group.findtext(f"{space}title"): group.findtext(f"{space}text") for group in titles["node"]}
    drawn = {tuple(names[end] for end in str(group.findtext(f"{space}title")).split("->")) for group in titles["edge"]}
    rules = {job: job.command.split("step.sh cada ")[1].split()[0].replace("-", "_") for job in snakemake_graph()}
    makers = {output: rule for job, rule in rules.items() for output in job.outputs}
    arrows = {(makers[name], rule) for job, rule in rules.items() for name in job.inputs if name in makers}
    reports = {name.replace("-", "_") for name in (*OF_MATRIX, "report")}
    assert drawn == arrows | {(name, "all") for name in reports}, REMAKE
