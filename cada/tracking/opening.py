"""Which run is written to: one per trained model, found again by its tag `cada.run`, so that train and evaluate share it.

`mlflow.start_run` finds a run by its id alone and keeps one active run in a process, so the client is used.

The newest run of a cell (dataset, variant, seed) is the current one. Older ones stay, marked by the tag `superseded` with
the id of what replaced them, and belong to no sweep any more: the view of a sweep shows its current runs and nothing else.
Runs of `dvc exp run --temp` supersede only those of their own experiment and belong to no sweep.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cada.storage import git
from cada.storage.paths import Cell, Layout
from cada.tracking.runs import MODEL, Past, Run, md5
from cada.tracking.store import attempt, connect, make_experiment
from cada.tracking.sweeps import SWEEP, sweeps_of

Source = Literal["initial", "train", "evaluate", "sync"]
KEY = "cada.run"
SUPERSEDED = "superseded"
EXPERIMENT = "experiment"
CONTEXT = {"initial": "pretrain", "train": "train", "evaluate": "test", "sync": "train"}  # the split of the data set


@dataclass(frozen=True)
class Description:
    """What a step says of itself when it opens a run.

    parameters: nested values; they are logged under dotted names. Evaluation may be repeated with others while MLflow's
    parameters never change, so its parameters become tags.
    params_hash: of the training's parameters. data_digest: SHA-256 of the data set's manifest. tags: such as the device.
    """

    parameters: Mapping[str, Any]
    params_hash: str
    data_digest: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def run(cell: Cell, step: Source, description: Description, *, weights: Path | None = None, past: Past | None = None) -> Iterator[Run]:
    """Open the run of `cell` and close it with what became of it.

    A training (`initial`, `train`) goes on in its unfinished run, or starts a new one; `evaluate` and `sync` write to the run
    that is there, and make it where the training could not. weights, past: for `sync`, to which a run of other weights is one
    of another training.
    """
    off = os.environ.get("CADA_TRACKING") == "off"
    opened = Run() if off else attempt(lambda: _open(cell, step, description, weights, past), Run())
    outcome: str | None = None if step == "evaluate" else "FAILED"
    try:
        yield opened
        outcome = "FINISHED"
    except KeyboardInterrupt:
        outcome = "KILLED"
        raise
    finally:
        opened.close(outcome, past, trained=step != "evaluate")


def _open(cell: Cell, step: Source, description: Description, weights: Path | None, past: Past | None) -> Run:
    from mlflow.entities import Param, RunTag

    client = connect()
    experiment = make_experiment(client, cell.dataset)
    known = md5(weights) if weights else None
    found = _find(client, experiment, f"tags.`{KEY}` = '{cell}/{description.params_hash}' AND {_same_experiment()}", known)
    if found is not None and _is_another(found, step, known):
        found = None
    if found is None:
        found = _create(client, experiment, cell, description, past)
    run_id, tags = found.info.run_id, dict(description.tags)
    values = {name: str(value) for name, value in _flatten(description.parameters)}
    if step == "evaluate":
        tags |= values
    else:
        client.log_batch(run_id, params=[Param(name, value) for name, value in values.items() if name not in found.data.params])
    _supersede_others(client, experiment, cell, found)
    if experiment_of_dvc() is None:
        tags |= {f"{SWEEP}{name}": "yes" for name in sweeps_of(cell)}
    if step in ("initial", "train"):
        # Only they know the code that made the model.
        tags |= {"mlflow.source.name": f"cada {step}", "mlflow.source.git.commit": git.commit(), "git.dirty": str(git.dirty()).lower()}
        client.update_run(run_id, status="RUNNING")
    if description.data_digest:
        tags |= {"data digest": description.data_digest}
        client.log_inputs(run_id, datasets=[_dataset(cell, description.data_digest, CONTEXT[step])])
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    return Run(client, found, after=_last_step(client, found))


def _is_another(found: Any, step: Source, model: str | None) -> bool:
    """Whether the run that was found is of another training than the one that is told of."""
    if step in ("initial", "train"):
        return bool(found.info.status == "FINISHED")
    return model is not None and found.data.tags.get(MODEL, model) != model


def _create(client: Any, experiment: str, cell: Cell, description: Description, past: Past | None) -> Any:
    from mlflow.entities import Param

    name, temporary = f"{cell.variant} seed {cell.seed}", experiment_of_dvc()
    tags = {KEY: f"{cell}/{description.params_hash}", "params hash": description.params_hash}
    if temporary:
        name, tags[EXPERIMENT] = f"{name} ({temporary})", temporary
    started = int((past.ended - past.seconds) * 1000) if past else None
    created = client.create_run(experiment, start_time=started, run_name=name, tags=tags)
    client.log_batch(created.info.run_id, params=[Param("variant", cell.variant), Param("seed", str(cell.seed))])
    return client.get_run(created.info.run_id)


def _supersede_others(client: Any, experiment: str, cell: Cell, current: Any) -> None:
    """Mark what was the run of the cell, and unmark the current one: going back to older parameters brings it back."""
    run_id = current.info.run_id
    query = f"params.variant = '{cell.variant}' AND params.seed = '{cell.seed}' AND tags.{SUPERSEDED} IS NULL AND {_same_experiment()}"
    for other in client.search_runs([experiment], filter_string=query):
        if other.info.run_id != run_id:
            client.set_tag(other.info.run_id, SUPERSEDED, f"by run {run_id}")
            for name in other.data.tags:
                if name.startswith(SWEEP):
                    client.delete_tag(other.info.run_id, name)
    if SUPERSEDED in current.data.tags:
        client.delete_tag(run_id, SUPERSEDED)


def _find(client: Any, experiment: str, query: str, model: str | None) -> Any:
    """The run that answers the query, or None; of several that of the model, the current one, the newest."""
    runs = client.search_runs([experiment], filter_string=query, order_by=["attributes.start_time DESC"])
    runs = sorted(runs, key=lambda run: (model is not None and run.data.tags.get(MODEL) != model, SUPERSEDED in run.data.tags))
    return runs[0] if runs else None


def _same_experiment() -> str:
    name = experiment_of_dvc()
    return f"tags.{EXPERIMENT} = '{name}'" if name else f"tags.{EXPERIMENT} IS NULL"


def experiment_of_dvc() -> str | None:
    """The name of the `dvc exp run --temp` that this process is a step of: its results are not those of the work tree."""
    return os.environ.get("DVC_EXP_NAME") if "/.dvc/tmp/exps/" in f"{Path.cwd().as_posix()}/" else None


def _dataset(cell: Cell, digest: str, context: str) -> Any:
    """The data set as an input of the run; MLflow takes digests of at most 36 characters."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": Layout(cell.dataset).manifest.as_posix()})
    dataset = Dataset(name=cell.dataset, digest=digest[:8], source_type="local", source=source)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _last_step(client: Any, found: Any) -> int:
    """The last step of any curve that the run has."""
    if "loss" not in found.data.metrics:
        return -1
    return max(int(point.step) for point in client.get_metric_history(found.info.run_id, "loss"))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
