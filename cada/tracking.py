"""What MLflow is told about the runs: the only module that imports mlflow, and nothing is ever asked of it.

The store is MLFLOW_TRACKING_URI if set, else mlflow.db in the main git work tree; CADA_TRACKING=off turns all of this off.
A store that fails is named once on stderr and the work goes on; `sync` tells it later what it missed.
One run per trained model: it is found again by its tag `cada.run`, so that train and evaluate write to the same run.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from cada import git
from cada.paths import Cell

Step = Literal["initial", "train", "evaluate", "sync"]
KEY = "cada.run"
AXES = frozenset({"epoch", "step"})  # of the curves, not curves of their own
FLUSH_SECONDS = 5.0
FLUSH_POINTS = 500  # MLflow takes at most 1,000 metrics in one call
LOCK_SECONDS = 120.0


class Run:
    """One MLflow run, or nothing at all where tracking is off or the store has failed."""

    def __init__(self, client: Any = None, run_id: str = "", *, after: int = -1) -> None:
        """`after`: steps up to this one are in the store already (a training that was killed and goes on)."""
        self._client = client
        self._id = run_id
        self._after = after
        self._points: list[Any] = []
        self._flushed = time.monotonic()

    @property
    def told(self) -> bool:
        """Whether the store has taken everything so far."""
        return self._client is not None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Points of the curves at optimiser step `step`; sent in batches, at least every five seconds of logging."""
        if self._client is None or step <= self._after:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._points += [Metric(name, float(value), now, step) for name, value in values.items() if name not in AXES]
        if len(self._points) >= FLUSH_POINTS or time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self._flush()

    def summary(self, values: Mapping[str, float]) -> None:
        """Numbers that describe the whole run, such as the test metrics; a later call replaces them."""
        if self._client is None:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._points += [Metric(name, float(value), now, 0) for name, value in values.items()]
        self._flush()

    def artifact(self, path: Path) -> None:
        """Keep a copy of a small file beside the run."""
        self._tell(lambda: self._client.log_artifact(self._id, str(path)))

    def close(self, status: str | None) -> None:
        """Send what is left; `status` is MLflow's, or None to leave it as it is."""
        self._flush()
        if status is not None:
            self._tell(lambda: self._client.set_terminated(self._id, status))

    def _flush(self) -> None:
        points, self._points, self._flushed = self._points, [], time.monotonic()
        for start in range(0, len(points), FLUSH_POINTS):
            batch = points[start : start + FLUSH_POINTS]
            self._tell(partial(self._client.log_batch, self._id, metrics=batch))

    def _tell(self, action: Callable[[], Any]) -> None:
        """Do `action` unless the store has failed before; when it fails now, say so and stop telling it anything."""
        if self._client is None:
            return
        try:
            action()
        except _failures() as error:
            _complain(error)
            self._client = None


@contextlib.contextmanager
def run(cell: Cell, *, step: Step, parameters: Mapping[str, Any], params_hash: str, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
    """Open the run of `cell` (dataset, variant, seed) and close it with what became of it.

    parameters: nested values; they are logged under dotted names. Evaluation may be repeated with others while MLflow's
    parameters never change, so its parameters become tags.
    tags: for example the data digest and the device; a training's git commit is added here.
    step: a training (`initial`, `train`) goes on in its unfinished run, or starts a new one and moves the finished one to
    MLflow's deleted runs; `evaluate` and `sync` write to the run that is there.
    """
    opened = Run()
    if os.environ.get("CADA_TRACKING") != "off":
        try:
            opened = _open(cell, step, parameters, params_hash, dict(tags or {}))
        except _failures() as error:
            _complain(error)
    outcome = None if step == "evaluate" else "FAILED"
    try:
        yield opened
        outcome = "FINISHED"
    except KeyboardInterrupt:
        outcome = "KILLED"
        raise
    finally:
        opened.close(outcome)


def named_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a metrics file as MLflow shows them: test_R1 for the headline score, test_cosine_R1 for another."""
    named = {score: "test" if score == metrics["headline"] else f"test_{score}" for score in metrics["scores"]}
    return {f"{named[score]}_{name}": value for score, values in metrics["scores"].items() for name, value in values.items()}


def key(cell: Cell, params_hash: str) -> str:
    """The tag a run is found by."""
    return f"{cell}/{params_hash}"


def experiment_name(dataset: str) -> str:
    """MLflow's experiment of a data set."""
    return f"CADA {dataset}"


def experiment_ids(datasets: Iterable[str]) -> dict[str, str]:
    """The ids of the data sets' experiments, as far as the store has them."""
    client = _connect()
    found = {dataset: client.get_experiment_by_name(experiment_name(dataset)) for dataset in datasets}
    return {dataset: str(experiment.experiment_id) for dataset, experiment in found.items() if experiment is not None}


def tracking_uri() -> str:
    """The store's address: MLFLOW_TRACKING_URI, else mlflow.db in the main work tree."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{git.main_tree() / 'mlflow.db'}"


def _connect() -> Any:
    """A client of the store, which is made or migrated first when it is ours."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The defaults would hold a training up for minutes when a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    uri = tracking_uri()
    if uri.startswith("sqlite:///"):
        _prepare(Path(uri.removeprefix("sqlite:///")), uri)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _prepare(database: Path, uri: str) -> None:
    """Make or migrate the database, once per version of MLflow: two first starts at once crash in the migrations."""
    stamp = database.with_name(f"{database.name}.version")
    with FileLock(database.with_name(f"{database.name}.lock"), timeout=LOCK_SECONDS):
        if database.exists() and stamp.exists() and stamp.read_text() == version("mlflow"):
            return
        if database.exists():
            _migrate(database, uri)
        else:
            from mlflow.tracking import MlflowClient

            MlflowClient(tracking_uri=uri).search_experiments(max_results=1)  # the first question makes the tables
        stamp.write_text(version("mlflow"))


def _migrate(database: Path, uri: str) -> None:
    """Bring a database of another version, or a half-made one, up to date."""
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise OSError(f"{database}: cannot be migrated: {reason}")


def _open(cell: Cell, step: Step, parameters: Mapping[str, Any], params_hash: str, tags: dict[str, str]) -> Run:
    from mlflow.entities import Param, RunTag

    client = _connect()
    experiment = _experiment(client, cell.dataset)
    found = _find(client, experiment, cell, params_hash)
    if found is not None and found.info.status == "FINISHED" and step in ("initial", "train"):
        client.delete_run(found.info.run_id)
        found = None
    if found is None:
        found = _create(client, experiment, cell, params_hash)
    run_id = found.info.run_id
    if step == "evaluate":
        tags |= {name: str(value) for name, value in _flatten(parameters)}
    else:
        new = [Param(name, str(value)) for name, value in _flatten(parameters) if name not in found.data.params]
        client.log_batch(run_id, params=new)
    if step in ("initial", "train"):
        # Only they know the code that made the model.
        tags |= {"mlflow.source.git.commit": git.commit(), "git.dirty": str(git.dirty()).lower()}
        client.update_run(run_id, status="RUNNING")
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    return Run(client, run_id, after=_last_step(client, found))


def _create(client: Any, experiment: str, cell: Cell, params_hash: str) -> Any:
    tags = {KEY: key(cell, params_hash), "dataset": cell.dataset, "variant": cell.variant, "seed": str(cell.seed), "params": params_hash}
    return client.create_run(experiment, run_name=f"{cell.variant} seed {cell.seed}", tags=tags)


def _experiment(client: Any, dataset: str) -> str:
    """The id of the data set's experiment; two processes may make it at once."""
    from mlflow.exceptions import MlflowException

    name = experiment_name(dataset)
    # Where the store is a file, its artifacts lie beside it and not in whatever folder the step runs in.
    uri = tracking_uri()
    place = (Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts").as_uri() if uri.startswith("sqlite:///") else None
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    return str(experiment.experiment_id)


def _find(client: Any, experiment: str, cell: Cell, params_hash: str) -> Any:
    """The newest run of the cell with these parameters, or None."""
    query = f"tags.`{KEY}` = '{key(cell, params_hash)}'"
    runs = client.search_runs([experiment], filter_string=query, max_results=1, order_by=["attributes.start_time DESC"])
    return runs[0] if runs else None


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


def _failures() -> tuple[type[Exception], ...]:
    """All that a store can fail with."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, RequestException, OSError, Timeout


def _complain(error: Exception) -> None:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    print(f"cada: MLflow at {tracking_uri()} fails, the work goes on without it (later: cada track sync): {reason}", file=sys.stderr)
