"""Tell MLflow afterwards what the files under results/ know: after a pull, a cache hit or an outage of the store."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cada import tracking
from cada.errors import CadaError
from cada.storage.files import digest, read_object, reading
from cada.storage.paths import RESULTS, WEIGHTS, Cell, Layout

Describe = Callable[[Cell], tuple[Mapping[str, Any], str]]
AGAIN = "Make it again: `snakemake --cores 8 all`."


def sync(describe: Describe) -> None:
    """Make or complete the run of every training under results/; what the store has already is not sent again.

    describe: the training's parameters and their hash for a cell, as the training gave them to the tracker.
    Errors: `CadaError` when the store fails; here, unlike in a training, somebody waits for it.
    """
    for history in sorted(RESULTS.glob("*/history/*/*.csv")):
        cell = Cell(history.parts[1], history.parts[3], int(history.stem))
        _sync_cell(cell, history, tracking.Description(*describe(cell), _digest(Layout(cell.dataset).manifest)))
    for dataset in sorted(path.name for path in RESULTS.iterdir()):
        for sweep, recipe in tracking.matrices(dataset):
            for folder in (recipe.parents[1] / kind for kind in ("tables", "figures", "attention")):
                if folder.exists() and not tracking.tell_reports(dataset, folder, sweep=sweep):
                    raise _not_told(str(folder))


def _sync_cell(cell: Cell, history: Path, description: tracking.Description) -> None:
    layout = Layout(cell.dataset)
    weights = layout.model(cell.variant, cell.seed) / WEIGHTS
    past = tracking.Past(history.stat().st_mtime, _seconds(layout.benchmark("train", cell.variant, cell.seed)))
    with tracking.run(cell, "sync", description, weights=weights if weights.exists() else None, past=past) as run:
        for step, values in read_history(history):
            run.log(step, values)
        if weights.exists():
            run.model(weights)
        run.artifact(history)
        metrics = layout.metrics(cell.variant, cell.seed)
        if metrics.exists():
            run.summary(tracking.named_metrics(read_object(metrics, again=AGAIN, headline=str, scores=dict)))
            run.artifact(metrics)
    if not run.told:
        raise _not_told(str(cell))
    print(f"{cell}: MLflow knows it")


def read_history(path: Path) -> list[tuple[int, dict[str, float]]]:
    """The optimiser steps of a history file with their values; empty fields are left out."""
    try:
        with reading(path), path.open(newline="", encoding="utf-8") as file:
            return [(int(row.pop("step")), {name: float(value) for name, value in row.items() if value}) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise CadaError(f"{path}: not a whole history ({error!r}). {AGAIN}") from error


def _digest(path: Path) -> str:
    return digest(path) if path.exists() else ""


def _seconds(benchmark: Path) -> float:
    """How long the training took, where Snakemake has measured it; else 0."""
    if not benchmark.exists():
        return 0.0
    with benchmark.open(newline="", encoding="utf-8") as file:
        return float(next(csv.DictReader(file, delimiter="\t"))["s"])


def _not_told(what: str) -> CadaError:
    return CadaError(f"{what}: MLflow was not told (CADA_TRACKING=off, or the store at {tracking.shown_uri()} fails).")
