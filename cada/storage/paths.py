"""Where every step reads and writes: the one place that knows the names under params/ and results/."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

PARAMS = Path("params")
WORKFLOW = PARAMS / "workflow.yaml"
SWEEPS = PARAMS / "sweeps"
DEFAULT = "default"
PLAIN = "[A-Za-z0-9_.-]+"  # characters that mean nothing to a shell, to Snakemake, or in an address
PUBLISHED = PARAMS / "published.csv"
RESULTS = Path("results")
WEIGHTS, CONFIG, VOCABULARY = MODEL_FILES = ("model.safetensors", "config.json", "vocab.txt")  # of a model folder
STATE = Path(".cada")  # resume state, caches and locks: never a declared output
CACHE = STATE / "cache"


@dataclass(frozen=True)
class Cell:
    """One trained model of the matrix: results/<dataset>/*/<variant>/<seed>."""

    dataset: str
    variant: str
    seed: int

    def __str__(self) -> str:
        return f"{self.dataset}/{self.variant}/{self.seed}"


@dataclass(frozen=True)
class Layout:
    """The files of one data set, all relative to the project's root."""

    dataset: str

    @property
    def root(self) -> Path:
        return RESULTS / self.dataset

    def params(self, step: str) -> Path:
        return PARAMS / self.dataset / f"{step}.yaml"

    def benchmark(self, step: str, *cell: str | int) -> Path:
        """What Snakemake measured of a step, or of a variant and seed of it."""
        return self.root.joinpath("benchmarks", step, *map(str, cell)).with_suffix(".tsv")

    @property
    def manifest(self) -> Path:
        return self.root / "data" / "manifest.json"

    @property
    def phrases(self) -> Path:
        return self.root / "phrases.parquet"

    @property
    def initial(self) -> Path:
        return self.root / "initial"

    def model(self, variant: str, seed: int | str) -> Path:
        return self.root / "models" / variant / str(seed)

    def history(self, variant: str, seed: int | str) -> Path:
        return self.root / "history" / variant / f"{seed}.csv"

    def metrics(self, variant: str, seed: int | str) -> Path:
        return self.scores_on(self.dataset) / variant / f"{seed}.json"

    def rankings(self, variant: str, seed: int | str) -> Path:
        return self.root / "rankings" / variant / f"{seed}.parquet"

    def probes(self, variant: str, seed: int | str) -> Path:
        return self.root / "probes" / variant / f"{seed}.json"

    def probe_outcomes(self, variant: str, seed: int | str) -> Path:
        """What became of every query under every change of `probes`."""
        return self.root / "probes" / variant / f"{seed}.parquet"

    def transfer(self, target: str, variant: str, seed: int | str) -> Path:
        """The metrics of a model that was trained here, on the test split of another data set."""
        return self.scores_on(target) / variant / f"{seed}.json"

    def scores_on(self, target: str) -> Path:
        """The folder of all metrics on the test split of a data set: this one's own, or another one's."""
        return self.root / "metrics" if target == self.dataset else self.root / "transfer" / target

    def reports(self, workflow: Path = WORKFLOW) -> Path:
        """Where what is made of a workflow file's models lies: beside them, or, of a sweep, in a folder of its own."""
        return self.root / _of_sweep(workflow)

    def attention(self, workflow: Path = WORKFLOW) -> Path:
        """The attention images of a workflow file."""
        return self.reports(workflow) / "attention"

    def tables(self, workflow: Path = WORKFLOW) -> Path:
        """The tables of a workflow file."""
        return self.reports(workflow) / "tables"

    def figures(self, workflow: Path = WORKFLOW) -> Path:
        """The figures of a workflow file."""
        return self.reports(workflow) / "figures"

    def probe_tables(self, workflow: Path = WORKFLOW) -> Path:
        """The tables of a workflow file's probes."""
        return self.reports(workflow) / "probe_tables"

    def release(self, workflow: Path = WORKFLOW) -> Path:
        """The best model of a workflow file, ready to be searched with."""
        return self.reports(workflow) / "release"


def transfer_tables(workflow: Path = WORKFLOW) -> Path:
    """The table of all data sets of a workflow file."""
    return RESULTS / "transfer" / _of_sweep(workflow)


def matrix_name(workflow: Path) -> str:
    """What the matrix of a workflow file is called: by it its reports and its runs in MLflow are found.

    `default`: params/workflow.yaml. A data set's name: params/<dataset>/workflow.yaml. All others are sweeps: `sweeps/ara` is
    params/sweeps/ara.yaml, and the name of a file elsewhere, or with other characters, ends with some digits of its path's digest.
    """
    place, params = Path(os.path.relpath(workflow)), PARAMS
    if place == WORKFLOW:
        return DEFAULT
    if place.parent == SWEEPS and re.fullmatch(PLAIN, place.stem):
        return f"{SWEEPS.name}/{place.stem}"
    if place.name == WORKFLOW.name and place.parent.parent == params and (place.parent / "data.yaml").is_file():
        return place.parent.name
    stem = "".join(character if re.fullmatch(PLAIN, character) else "_" for character in place.stem)
    return f"{SWEEPS.name}/{stem}-{hashlib.sha256(place.as_posix().encode()).hexdigest()[:6]}"


def is_sweep(workflow: Path) -> bool:
    """Whether a workflow file is neither params/workflow.yaml nor a data set's own."""
    return matrix_name(workflow).startswith(f"{SWEEPS.name}/")


def report_folder(workflow: Path = WORKFLOW) -> Path:
    """Where a workflow file's report lies: results/ for params/workflow.yaml, results/sweeps/ara for params/sweeps/ara.yaml."""
    name = matrix_name(workflow)
    return RESULTS if name == DEFAULT else RESULTS / name


def _of_sweep(workflow: Path) -> Path:
    return Path(matrix_name(workflow)) if is_sweep(workflow) else Path()


def chapter_folder(dataset: str, workflow: Path = WORKFLOW) -> Path:
    """What the report of a workflow file is made of: one folder for each data set."""
    return report_folder(workflow) / "report" / dataset


def set_lock(root: Path) -> Path:
    """The lock of whoever writes to a data set's folder."""
    return STATE / "locks" / f"{root.name}-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]}.lock"


def variant_params(variant: str) -> Path:
    """The parameter file of one variant of the method."""
    return PARAMS / "variants" / f"{variant}.yaml"


def procedure_params(procedure: str) -> Path:
    """The parameter file of one procedure, which variants follow."""
    return PARAMS / "procedures" / f"{procedure}.yaml"
