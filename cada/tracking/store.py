"""Where the runs are kept: the store's address, a client of it, its experiments, and what it fails with."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cada import git

LOCK_SECONDS = 120.0
FILE = "sqlite:///"


def tracking_uri() -> str:
    """The store's address: MLFLOW_TRACKING_URI, else mlflow.db in the main work tree."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{FILE}{git.main_tree() / 'mlflow.db'}"


def experiment_name(dataset: str) -> str:
    """MLflow's experiment of a data set."""
    return f"CADA {dataset}"


def connect() -> Any:
    """A client of the store, which is made or migrated first when it is ours."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The defaults would hold a training up for minutes when a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    uri = tracking_uri()
    if uri.startswith(FILE):
        _prepare(Path(uri.removeprefix(FILE)), uri)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def experiment_of(client: Any, dataset: str) -> str | None:
    """The id of the data set's experiment, if the store has it."""
    found = client.get_experiment_by_name(experiment_name(dataset))
    return None if found is None else str(found.experiment_id)


def make_experiment(client: Any, dataset: str) -> str:
    """The id of the data set's experiment, which is made when missing; two processes may make it at once."""
    from mlflow.exceptions import MlflowException

    if (found := experiment_of(client, dataset)) is not None:
        return found
    # Where the store is a file, its artifacts lie beside it and not in whatever folder the step runs in.
    uri = tracking_uri()
    place = (Path(uri.removeprefix(FILE)).parent / "mlartifacts").as_uri() if uri.startswith(FILE) else None
    try:
        return str(client.create_experiment(experiment_name(dataset), artifact_location=place))
    except MlflowException:
        if (found := experiment_of(client, dataset)) is None:
            raise
        return found


def failures() -> tuple[type[Exception], ...]:
    """All that a store can fail with."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, RequestException, OSError, Timeout


def complain(error: Exception) -> None:
    """Say that the store fails and that this stops nothing."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    print(f"cada: MLflow at {tracking_uri()} fails, the work goes on without it (later: cada track sync): {reason}", file=sys.stderr)


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
