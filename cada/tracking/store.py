"""Where the runs are kept: the store's address, a client of it, its experiments, and the message where it fails."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from cada.errors import CadaError, of_package
from cada.storage import addresses, git
from cada.storage.files import kernel_lock

LOCK_SECONDS = 120.0
FILE = "sqlite:///"
SQLITE = "sqlite://"
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_LOUD = ("mlflow", "alembic", "sqlalchemy", "urllib3")
Result = TypeVar("Result")


def tracking_uri() -> str:
    """The store's address: MLFLOW_TRACKING_URI, else mlflow.db in the main work tree."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{FILE}{git.main_tree() / 'mlflow.db'}"


def shown_uri() -> str:
    """The store's address as messages name it: without password or token."""
    return addresses.public(tracking_uri())


def connect() -> Any:
    """A client of the store, which is made or migrated first when it is ours."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The defaults would hold a training up for minutes when a server is down.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    uri = tracking_uri()
    if uri.startswith(SQLITE):
        _prepare(_database(uri), uri)
    return _client(uri)


def experiment_of(client: Any, dataset: str) -> str | None:
    """The id of the data set's experiment, if the store has it."""
    found = client.get_experiment_by_name(f"CADA {dataset}")
    return None if found is None else str(found.experiment_id)


def make_experiment(client: Any, dataset: str) -> str:
    """The id of the data set's experiment, which is made when missing; two processes may make it at once."""
    from mlflow.exceptions import MlflowException

    if (found := experiment_of(client, dataset)) is not None:
        return found
    # Where the store is a file, its artifacts lie beside it and not in whatever folder the step runs in.
    uri = tracking_uri()
    place = (_database(uri).absolute().parent / "mlartifacts").as_uri() if uri.startswith(SQLITE) else None
    try:
        return str(client.create_experiment(f"CADA {dataset}", artifact_location=place))
    except MlflowException:
        if (found := experiment_of(client, dataset)) is None:
            raise
        return found


def attempt(action: Callable[[], Result], otherwise: Result) -> Result:
    """What `action` returns; where the store fails at it, one line on stderr that this stops nothing, and `otherwise`.

    A store can fail with anything: behind MLflow are SQLAlchemy, Alembic, requests and whatever driver an address names; a
    driver that is missing is an ImportError, a malformed address a ValueError, a per cent sign in the path of MLflow one of
    configparser. A list would never be complete, and what it lacks ends a training of hours. A `CadaError` is none of the
    store's and is raised; Ctrl-C and the end of the process are no `Exception` and pass.
    """
    try:
        return action()
    except CadaError:
        raise
    except Exception as error:
        line = f"MLflow at {shown_uri()} fails, the work goes on without it (later: cada track sync): {reason(error)}"
        print(f"cada: {line}", file=sys.stderr)
        return otherwise


@contextmanager
def awaited() -> Iterator[None]:
    """Around what somebody waits for: whatever the store fails with (`attempt` says why that is anything) is a `CadaError`."""
    try:
        yield
    except CadaError:
        raise
    except Exception as error:
        advice = "Start it, or correct MLFLOW_TRACKING_URI, then call again."
        raise CadaError(f"MLflow at {shown_uri()} fails: {reason(error)}. {advice}") from error


def reason(error: Exception) -> str:
    """What a library says of the store, in one line, without the secrets that it was given."""
    missing = of_package(error) if isinstance(error, ModuleNotFoundError) else None
    text = next((line for line in str(missing or error).splitlines() if line.strip()), "no message")
    secrets = [os.environ.get(name, "") for name in SECRETS]
    return f"{type(error).__name__}: {addresses.scrubbed(text, tracking_uri(), secrets=secrets)}"


def _client(uri: str) -> Any:
    """A client, without the lines of the libraries about every attempt, with tracebacks and addresses: the failure is reported once."""
    from mlflow.tracking import MlflowClient  # sets the levels of some

    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri)


def _database(uri: str) -> Path:
    """The file of an SQLite store. Errors: `ValueError` for one in memory, which would be lost with the process."""
    path = uri.removeprefix(SQLITE).removeprefix("/").partition("?")[0]
    if path in ("", ":memory:"):
        raise ValueError("the address names no file")
    return Path(path)


def _prepare(database: Path, uri: str) -> None:
    """Make or migrate the database, once per version of MLflow: two first starts at once crash in the migrations."""
    stamp = database.with_name(f"{database.name}.version")
    with kernel_lock(database.with_name(f"{database.name}.lock"), timeout=LOCK_SECONDS):
        if database.exists() and stamp.exists() and stamp.read_text() == version("mlflow"):
            return
        if database.exists():
            # MLflow would open what is no database ten times, for two minutes.
            with contextlib.closing(sqlite3.connect(database)) as found:
                found.execute("PRAGMA schema_version")
            _migrate(database, uri)
        else:
            _client(uri).search_experiments(max_results=1)  # the first question makes the tables
        stamp.write_text(version("mlflow"))


def _migrate(database: Path, uri: str) -> None:
    """Bring a database of another version, or a half-made one, up to date."""
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("(Background on")]
        raise OSError(f"{database}: cannot be migrated: {lines[-1] if lines else 'no message'}")
