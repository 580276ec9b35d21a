"""The tables of a sweep, as artifacts and as the description of a run of their own."""

from __future__ import annotations

import os
from pathlib import Path

from cada.tracking.opening import experiment_of_dvc
from cada.tracking.store import complain, connect, failures, make_experiment
from cada.tracking.sweeps import DEFAULT, sweep_name

KEY = "cada.tables"


def tell_tables(dataset: str, folder: Path, *, workflow: Path) -> bool:
    """Show the tables that `workflow` has in `folder`; a later call replaces them. Whether the store has taken them."""
    if os.environ.get("CADA_TRACKING") == "off":
        return False
    try:
        _show(dataset, folder, sweep_name(workflow))
    except failures() as error:
        complain(error)
        return False
    return True


def _show(dataset: str, folder: Path, sweep: str) -> None:
    client, temporary = connect(), experiment_of_dvc()
    sweep = temporary or sweep
    experiment = make_experiment(client, dataset)
    runs = client.search_runs([experiment], filter_string=f"tags.`{KEY}` = '{sweep}'", max_results=1)
    name = "tables" if sweep == DEFAULT else f"tables of {sweep}"
    run_id = (runs[0] if runs else client.create_run(experiment, run_name=name, tags={KEY: sweep})).info.run_id
    for path in sorted(folder.iterdir()):
        client.log_artifact(run_id, str(path))
    client.set_tag(run_id, "mlflow.note.content", (folder / "ablation.md").read_text(encoding="utf-8"))
    client.set_terminated(run_id)
