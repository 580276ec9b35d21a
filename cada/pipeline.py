"""The steps of the pipeline, once: from this table Snakemake has its rules and DVC its stages.

Paths and commands are patterns in which {dataset}, {variant}, {seed} and {target} stand for what a step is made for.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from cada.config import Workflow
from cada.recipes import Recipe
from cada.storage.paths import MODEL_FILES, PUBLISHED, WORKFLOW, Layout, chapter_folder, is_sweep, report_folder, transfer_tables

DATASET, CELL, PAIR = ("dataset",), ("dataset", "variant", "seed"), ("dataset", "variant", "seed", "target")
TABLE, DRAWING = ("csv", "html", "json", "md", "tex"), ("png", "svg")
TABLES = ("ablation", "pairs", "open_set", "comparison", "sensitivity")
FIGURES = ("ablation", "pairs", "recall", "open_set", "sensitivity", "training", "successes", "failures")
PROBES = ("robustness", "contrasts", "composition", "attributes")


@dataclass(frozen=True)
class Every:
    """The files that a pattern gives for every value of `over`: all seeds of all variants, for example."""

    pattern: str
    over: tuple[str, ...] = ("variant", "seed")


Input = str | Every


@dataclass(frozen=True, eq=False)
class Step:
    """One step, made for each combination of `over` by `command`, from `recipe` and `inputs`.

    computes: whether it runs a model, in as many threads and on as many GPUs as its parameters say.
    metrics: those of its outputs that DVC compares as numbers. curves: those that DVC plots.
    """

    name: str
    over: tuple[str, ...]
    message: str
    command: str
    recipe: str
    inputs: Sequence[Input]
    outputs: Sequence[str]
    computes: bool = False
    metrics: Sequence[str] = ()
    curves: Sequence[str] = ()

    @property
    def rule(self) -> str:
        return self.name.replace("-", "_")


def combinations(over: Sequence[str], matrix: Workflow) -> list[dict[str, str]]:
    """What a step is made for, or what `Every` stands for, in a matrix; a target is another data set."""
    values = {"dataset": matrix.datasets, "variant": matrix.rows, "seed": list(map(str, matrix.seeds)), "target": matrix.datasets}
    found = [dict(zip(over, chosen, strict=True)) for chosen in product(*(values[name] for name in over))]
    return [own for own in found if "target" not in own or own["target"] != own["dataset"]]


def steps(workflow: Path = WORKFLOW, *, datasets: int = 1) -> list[Step]:
    """All steps. workflow: the file whose matrix the reports show. datasets: how many it lists; several are compared."""
    of, variant_and_seed = Layout("{dataset}"), ("{variant}", "{seed}")
    manifest, phrases = str(of.manifest), str(of.phrases)
    initial = _in(of.initial, *MODEL_FILES)
    model = _in(of.model(*variant_and_seed), *MODEL_FILES)
    history, metrics, rankings = (str(place(*variant_and_seed)) for place in (of.history, of.metrics, of.rankings))
    probes, outcomes = str(of.probes(*variant_and_seed)), str(of.probe_outcomes(*variant_and_seed))
    trained = [Every(metrics), Every(rankings), Every(history)]
    tables, scores = _files(of.tables(workflow), TABLES, TABLE), str(of.tables(workflow) / "scores.json")
    figures = [*_files(of.figures(workflow), FIGURES, DRAWING), *_in(of.figures(workflow), "recall.csv", "captions.json")]
    attention = _in(of.attention(workflow), "attention.png", "attention.svg", "captions.json")
    probe_tables = _files(of.probe_tables(workflow), PROBES, TABLE)
    folder = chapter_folder("{dataset}", workflow)
    chapters = [*_in(folder, "chapter.json"), *_files(folder, ("cost",), TABLE)]
    transfer = str(of.transfer("{target}", *variant_and_seed))
    transferred = _files(transfer_tables(workflow), ("transfer",), TABLE)

    own = "--variant {variant} --seed {seed}"  # of a step of one model
    listed = f"--workflow {shlex.quote(str(workflow)).replace('{', '{{').replace('}', '}}')}"  # and one of the whole matrix

    def step(
        name: str, message: str, arguments: str, over: tuple[str, ...], inputs: Sequence[Input], outputs: Sequence[str], **more: Any
    ) -> Step:
        variant, target = ("{variant}" if "variant" in over else "", "{target}" if "target" in over else "")
        recipe = str(Recipe(name, "{dataset}", variant, target, workflow).path)
        return Step(name, over, message, f"cada {arguments}", recipe, inputs, outputs, **more)

    return [
        step("data", "Draw or check the data set {dataset}", "data prepare {dataset}", DATASET, [], [manifest]),
        step("phrases", "Parse the captions of {dataset}", "phrases {dataset}", DATASET, [manifest], [phrases]),
        step("initial", "Make the initial weights of {dataset}", "initial {dataset}", DATASET, [manifest], initial, computes=True),
        step(
            "train",
            "Train {variant}, seed {seed}, on {dataset}",
            f"train {{dataset}} {own}",
            CELL,
            [manifest, phrases, *initial],
            [*model, history],
            computes=True,
            curves=[history],
        ),
        step(
            "evaluate",
            "Evaluate {variant}, seed {seed}, on {dataset}",
            f"evaluate {{dataset}} {own}",
            CELL,
            [manifest, *model],
            [metrics, rankings],
            computes=True,
        ),
        step(
            "probe",
            "Probe {variant}, seed {seed}, on {dataset}",
            f"probe {{dataset}} {own}",
            CELL,
            [manifest, phrases, *model, metrics, rankings],
            [probes, outcomes],
            computes=True,
        ),
        step(
            "tables",
            "Write the tables of {dataset}",
            f"tables {{dataset}} {listed}",
            DATASET,
            [manifest, *trained, str(PUBLISHED)],
            [*tables, scores],
            metrics=[scores],
        ),
        step(
            "figures",
            "Draw the figures of {dataset}",
            f"figures {{dataset}} {listed}",
            DATASET,
            [manifest, *trained, str(of.tables(workflow) / "pairs.csv")],
            figures,
        ),
        step(
            "attention",
            "Draw what phrases of {dataset} look at",
            f"attention {{dataset}} {listed}",
            DATASET,
            [manifest, phrases, *map(Every, model), Every(rankings)],
            attention,
            computes=True,
        ),
        step(
            "probe-tables",
            "Write the tables of the probes of {dataset}",
            f"probe-tables {{dataset}} {listed}",
            DATASET,
            [Every(probes), Every(outcomes)],
            probe_tables,
        ),
        step(
            "chapter",
            "Write the report's chapter on {dataset}",
            f"chapter {{dataset}} {listed}",
            DATASET,
            [manifest, *tables, scores, *figures, *attention, *([] if is_sweep(workflow) else probe_tables), initial[-1]],
            chapters,
        ),
        step(
            "release",
            "Make the best model of {dataset} ready to search with",
            f"release {{dataset}} {listed}",
            DATASET,
            [manifest, *map(Every, model), Every(metrics), Every(history)],
            _in(of.release(workflow), *MODEL_FILES, "release.json", "README.md"),
        ),
        step(
            "transfer",
            "Search {target} with {variant} of {dataset}, seed {seed}",
            f"transfer {{dataset}} --to {{target}} {own}",
            PAIR,
            [str(Layout("{target}").manifest), *model, metrics],
            [transfer],
            computes=True,
        ),
        step(
            "transfer-tables",
            "Write the table of transfers between data sets",
            f"transfer-tables {listed}",
            (),
            [Every(metrics, CELL), Every(transfer, PAIR)],
            transferred,
        ),
        step(
            "report",
            "Write the report",
            f"report {listed}",
            (),
            [*(Every(path, DATASET) for path in chapters), *(transferred if datasets > 1 else [])],
            [str(report_folder(workflow) / "report.html")],
        ),
    ]


def _files(folder: Path, names: Sequence[str], kinds: Sequence[str]) -> list[str]:
    return [str(folder / f"{name}.{kind}") for name in names for kind in kinds]


def _in(folder: Path, *names: str) -> list[str]:
    return [str(folder / name) for name in names]
