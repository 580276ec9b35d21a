"""The steps of the pipeline, once: from this table Snakemake has its rules and DVC its stages.

Paths and commands are patterns in which {dataset}, {variant}, {seed} and {target} stand for what a step is made for.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from cada.config import Workflow
from cada.recipes import Recipe
from cada.storage.paths import PUBLISHED, WORKFLOW, Layout, chapter_folder, is_sweep, report_folder, transfer_tables

DATASET, CELL = ("dataset",), ("dataset", "variant", "seed")
MODEL = ("model.safetensors", "config.json", "vocab.txt")
TABLE, DRAWING = ("csv", "html", "json", "md", "tex"), ("png", "svg")
TABLES = ("ablation", "pairs", "comparison", "sensitivity")
FIGURES = ("ablation", "pairs", "recall", "sensitivity", "training", "successes", "failures")
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
    of = Layout("{dataset}")
    cell, file = ("{variant}", "{seed}"), shlex.quote(str(workflow)).replace("{", "{{").replace("}", "}}")
    variant_seed = "--variant {variant} --seed {seed}"
    manifest, phrases = str(of.manifest), str(of.phrases)
    initial = [str(of.initial / name) for name in MODEL]
    model = [str(of.model(*cell) / name) for name in MODEL]
    history, metrics, rankings = str(of.history(*cell)), str(of.metrics(*cell)), str(of.rankings(*cell))
    probes, outcomes = str(of.probes(*cell)), str(of.probe_outcomes(*cell))
    tables = _files(of.tables(workflow), TABLES, TABLE)
    scores = str(of.tables(workflow) / "scores.json")
    figures = [*_files(of.figures(workflow), FIGURES, DRAWING), *_plain(of.figures(workflow), "recall.csv", "captions.json")]
    attention = _plain(of.attention(workflow), "attention.png", "attention.svg", "captions.json")
    probe_tables = _files(of.probe_tables(workflow), PROBES, TABLE)
    chapter = chapter_folder("{dataset}", workflow)
    chapters = [*_plain(chapter, "chapter.json"), *_files(chapter, ("cost",), TABLE)]
    transfer = str(of.transfer("{target}", *cell))
    transferred = _files(transfer_tables(workflow), ("transfer",), TABLE)

    def recipe(step: str, *, variant: str = "", target: str = "") -> str:
        return str(Recipe(step, "{dataset}", variant, target, workflow).path)

    return [
        Step(
            "data",
            DATASET,
            "Draw or check the data set {dataset}",
            "cada data prepare {dataset}",
            recipe("data"),
            inputs=[],
            outputs=[manifest],
        ),
        Step(
            "phrases",
            DATASET,
            "Parse the captions of {dataset}",
            "cada phrases {dataset}",
            recipe("phrases"),
            inputs=[manifest],
            outputs=[phrases],
        ),
        Step(
            "initial",
            DATASET,
            "Make the initial weights of {dataset}",
            "cada initial {dataset}",
            recipe("initial"),
            inputs=[manifest],
            outputs=initial,
            computes=True,
        ),
        Step(
            "train",
            CELL,
            "Train {variant}, seed {seed}, on {dataset}",
            f"cada train {{dataset}} {variant_seed}",
            recipe("train", variant="{variant}"),
            inputs=[manifest, phrases, *initial],
            outputs=[*model, history],
            computes=True,
            curves=[history],
        ),
        Step(
            "evaluate",
            CELL,
            "Evaluate {variant}, seed {seed}, on {dataset}",
            f"cada evaluate {{dataset}} {variant_seed}",
            recipe("evaluate", variant="{variant}"),
            inputs=[manifest, *model],
            outputs=[metrics, rankings],
            computes=True,
        ),
        Step(
            "probe",
            CELL,
            "Probe {variant}, seed {seed}, on {dataset}",
            f"cada probe {{dataset}} {variant_seed}",
            recipe("probe", variant="{variant}"),
            inputs=[manifest, phrases, *model, metrics, rankings],
            outputs=[probes, outcomes],
            computes=True,
        ),
        Step(
            "tables",
            DATASET,
            "Write the tables of {dataset}",
            f"cada tables {{dataset}} --workflow {file}",
            recipe("tables"),
            inputs=[manifest, Every(metrics), Every(rankings), Every(history), str(PUBLISHED)],
            outputs=[*tables, scores],
            metrics=[scores],
        ),
        Step(
            "figures",
            DATASET,
            "Draw the figures of {dataset}",
            f"cada figures {{dataset}} --workflow {file}",
            recipe("figures"),
            inputs=[manifest, Every(metrics), Every(rankings), Every(history), str(of.tables(workflow) / "pairs.csv")],
            outputs=figures,
        ),
        Step(
            "attention",
            DATASET,
            "Draw what phrases of {dataset} look at",
            f"cada attention {{dataset}} --workflow {file}",
            recipe("attention"),
            inputs=[manifest, phrases, *map(Every, model), Every(rankings)],
            outputs=attention,
            computes=True,
        ),
        Step(
            "probe-tables",
            DATASET,
            "Write the tables of the probes of {dataset}",
            f"cada probe-tables {{dataset}} --workflow {file}",
            recipe("probe-tables"),
            inputs=[Every(probes), Every(outcomes)],
            outputs=probe_tables,
        ),
        Step(
            "chapter",
            DATASET,
            "Write the report's chapter on {dataset}",
            f"cada chapter {{dataset}} --workflow {file}",
            recipe("chapter"),
            inputs=[manifest, *tables, scores, *figures, *attention, *([] if is_sweep(workflow) else probe_tables), initial[-1]],
            outputs=chapters,
        ),
        Step(
            "transfer",
            (*CELL, "target"),
            "Search {target} with {variant} of {dataset}, seed {seed}",
            f"cada transfer {{dataset}} --to {{target}} {variant_seed}",
            recipe("transfer", variant="{variant}", target="{target}"),
            inputs=[str(Layout("{target}").manifest), *model, metrics],
            outputs=[transfer],
            computes=True,
        ),
        Step(
            "transfer-tables",
            (),
            "Write the table of transfers between data sets",
            f"cada transfer-tables --workflow {file}",
            recipe("transfer-tables"),
            inputs=[Every(metrics, CELL), Every(transfer, (*CELL, "target"))],
            outputs=transferred,
        ),
        Step(
            "report",
            (),
            "Write the report",
            f"cada report --workflow {file}",
            recipe("report"),
            inputs=[*(Every(path, DATASET) for path in chapters), *(transferred if datasets > 1 else [])],
            outputs=[str(report_folder(workflow) / "report.html")],
        ),
    ]


def _files(folder: Path, names: Sequence[str], kinds: Sequence[str]) -> list[str]:
    return [str(folder / f"{name}.{kind}") for name in names for kind in kinds]


def _plain(folder: Path, *names: str) -> list[str]:
    return [str(folder / name) for name in names]
