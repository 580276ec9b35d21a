"""Tell MLflow afterwards what the files under results/ know: after a pull, a cache hit or an outage of the store."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cada import tracking
from cada.errors import CadaError
from cada.files import read_json
from cada.paths import Cell, Layout

Describe = Callable[[Cell], tuple[Mapping[str, Any], str]]


def sync(describe: Describe) -> None:
    """Make or complete the run of every training under results/; what the store has already is not sent again.

    describe: the training's parameters and their hash for a cell, as the training gave them to the tracker.
    Errors: `CadaError` when the store fails; here, unlike in a training, somebody waits for it.
    """
    for history in sorted(Path("results").glob("*/history/*/*.csv")):
        cell = Cell(history.parts[1], history.parts[3], int(history.stem))
        parameters, params_hash = describe(cell)
        with tracking.run(cell, step="sync", parameters=parameters, params_hash=params_hash) as run:
            for step, values in read_history(history):
                run.log(step, values)
            metrics = Layout(cell.dataset).metrics(cell.variant, cell.seed)
            if metrics.exists():
                run.summary(tracking.named_metrics(read_json(metrics)))
        if not run.told:
            raise CadaError(f"{cell}: MLflow was not told (CADA_TRACKING=off, or the store at {tracking.tracking_uri()} fails).")
        print(f"{cell}: MLflow knows it")


def read_history(path: Path) -> list[tuple[int, dict[str, float]]]:
    """The optimiser steps of a history file with their values; empty fields are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(int(row.pop("step")), {name: float(value) for name, value in row.items() if value}) for row in csv.DictReader(file)]
