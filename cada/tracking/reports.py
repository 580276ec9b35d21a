"""The tables and figures of a sweep: artifacts of a run of their own, which has the ablation as its description."""

from __future__ import annotations

import os
from pathlib import Path

from cada.storage.files import kernel_lock
from cada.storage.paths import DEFAULT, STATE
from cada.tracking.opening import experiment_of_dvc
from cada.tracking.store import attempt, connect, make_experiment

KEY, NAME = "cada.reports", "tables and figures"


def tell_reports(dataset: str, folder: Path, *, sweep: str) -> bool:
    """Show the tables, or the figures, that a matrix has in `folder`; a later call replaces them. Whether the store has taken them."""
    return os.environ.get("CADA_TRACKING") != "off" and attempt(lambda: _show(dataset, folder, sweep), False)


def _show(dataset: str, folder: Path, sweep: str) -> bool:
    client, temporary = connect(), experiment_of_dvc()
    sweep = temporary or sweep
    experiment = make_experiment(client, dataset)
    lock = STATE / "locks" / "mlflow-reports.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with kernel_lock(lock):  # the steps of both run at the same time, and one run is for both
        runs = client.search_runs([experiment], filter_string=f"tags.`{KEY}` = '{sweep}'", max_results=1)
        name = NAME if sweep == DEFAULT else f"{NAME} of {sweep}"
        run_id = (runs[0] if runs else client.create_run(experiment, run_name=name, tags={KEY: sweep})).info.run_id
    for path in sorted(folder.iterdir()):
        if path.suffix != ".svg":  # a PNG shows the same
            client.log_artifact(run_id, str(path), folder.name)
    if (text := folder / "ablation.md").exists():
        client.set_tag(run_id, "mlflow.note.content", text.read_text(encoding="utf-8"))
    client.set_terminated(run_id)
    return True
