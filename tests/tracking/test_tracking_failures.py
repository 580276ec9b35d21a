"""A store that cannot be used is named once, in one line that holds no secret, and nothing ends by it."""

from __future__ import annotations

import configparser
import fcntl
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from cada import tracking
from cada.errors import CadaError
from cada.storage.paths import Cell
from cada.tracking import opening, views
from cada.tracking.sync import sync
from tests import locks
from tests.messages import refused

CELL = Cell("smoke", "dual", 3)
DESCRIPTION = tracking.Description({}, "abc")
SECRET = "s3cret-word"
WITH_SECRETS = [f"http://someone:{SECRET}@127.0.0.1:9", f"http://{SECRET}@127.0.0.1:9", f"http://127.0.0.1:9/?token={SECRET}"]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CADA_TRACKING", raising=False)
    return tmp_path


def train() -> None:
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        for step in range(3):
            run.log(step, {"loss": 1.0})
        run.summary({"test_R1": 1.0})


def one_line(capfd: pytest.CaptureFixture[str]) -> str:
    """The one line about the store, of all that was written by whatever means."""
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("cada: MLflow at ")
    assert "cada track sync" in line
    assert SECRET not in line
    return line


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sqlite:///", "no file"),
        ("sqlite://", "no file"),
        ("sqlite:///:memory:", "no file"),
        ("sqlite:///broken.db", "not a database"),
        ("sqlite:///folder", "unable to open"),
        (f"postgresql://user:{SECRET}@127.0.0.1/mlflow", "psycopg2"),
        (f"mysql+pymysql://user:{SECRET}@127.0.0.1/mlflow", "pymysql"),
        ("http://[::1", "IPv6"),
        (f"http://user:{SECRET}@[::1", "IPv6"),
        (f"http:///user:{SECRET}@127.0.0.1:9", ""),
        (f"user:{SECRET}@127.0.0.1:9", ""),
        ("nothing-known://127.0.0.1", "nothing-known"),
        *((address, "refused") for address in WITH_SECRETS),
    ],
)
def test_a_store_that_cannot_be_used(
    address: str, reason: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (workplace / "broken.db").write_text("no database" * 100)
    (workplace / "folder").mkdir()
    for driver in ("psycopg2", "pymysql"):
        monkeypatch.setitem(sys.modules, driver, None)  # not installed
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    train()
    assert reason in one_line(capfd)


def test_mlflow_in_a_folder_with_a_per_cent_sign(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Alembic reads the path of MLflow's migrations as a value with interpolation."""
    import mlflow.store.db.utils as databases

    package = workplace / "50% done/mlflow"
    package.parent.mkdir()
    package.symlink_to(databases._get_package_dir())
    monkeypatch.setattr(databases, "_get_package_dir", lambda: str(package))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{workplace}/new.db")
    train()
    assert "50% done" in one_line(capfd)


@pytest.mark.parametrize("number", locks.NUMBERS)
def test_a_store_on_a_file_system_without_locks(number: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("fcntl.flock", fcntl.flock)  # it is put back after the test
    locks.refuse_locks(number)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    train()
    assert os.strerror(number) in one_line(capfd)


FAILURES = [
    ImportError(f"no driver for http://user:{SECRET}@host"),
    ValueError(f"bad value\nof http://host/?token={SECRET}"),
    configparser.InterpolationSyntaxError("option", "section", f"'%' in {SECRET}"),
    OperationalError("SELECT", {}, Exception(f"password {SECRET} is wrong")),
    KeyError(SECRET),
    AssertionError(),
    RuntimeError("\n"),
    RecursionError("deep"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_whatever_the_tracker_raises_stops_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:{SECRET}@host")
    monkeypatch.setattr(opening, "connect", failing(error))
    train()
    assert type(error).__name__ in one_line(capfd)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_nor_does_it_in_the_middle(error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:{SECRET}@host")
    monkeypatch.setattr(opening, "_open", lambda *_: tracking.Run(Failing(error), Found()))
    with tracking.run(CELL, "train", DESCRIPTION) as run:
        assert run.told
        run.summary({"test_R1": 1.0})
        assert not run.told
        run.artifact(Path("history.csv"))
    assert type(error).__name__ in one_line(capfd)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, CadaError])
def test_what_is_not_the_stores_passes(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", failing(error("ours")))
    with pytest.raises(error):
        train()
    monkeypatch.setattr(opening, "_open", lambda *_: tracking.Run(Failing(error("ours")), Found()))
    with pytest.raises(error):
        train()


class Failing:
    """A client of a store that fails at whatever it is asked."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return failing(self.error)


class Found:
    """A run that was found, without anything in it."""

    class info:
        run_id, status = "0", "RUNNING"

    class data:
        tags, metrics = dict[str, str](), dict[str, float]()

    outputs = None


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_a_token_of_the_environment_is_no_part_of_the_reason(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """With a line end in it, requests quotes the header that it refuses."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", f"{SECRET}\n")
    train()
    assert "header" in one_line(capfd)


@pytest.mark.parametrize("address", WITH_SECRETS)
def test_sync_and_the_interface_hold_no_password(
    address: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    history = workplace / "results/smoke/history/dual/3.csv"
    history.parent.mkdir(parents=True)
    history.write_text("epoch,step,loss\n1,20,2.5\n")
    (workplace / "params/smoke").mkdir(parents=True)
    (workplace / "params/smoke/data.yaml").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with refused("smoke/dual/3", "MLflow", "http://127.0.0.1:9") as not_told:
        sync(lambda _: ({}, "abc"))
    one_line(capfd)
    with refused("MLflow", "http://127.0.0.1:9", "refused") as ended:
        interface().main()
    out, err = capfd.readouterr()
    assert SECRET not in f"{not_told.value} {ended.value} {out} {err}"


def test_the_interface_as_a_program_prints_a_line_and_no_traceback(workplace: Path) -> None:
    (workplace / "params").mkdir()
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"http://someone:{SECRET}@[::1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, ROOT / "workflow/scripts/ui.py"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert len((done.stdout + done.stderr).splitlines()) == 1
    assert SECRET not in done.stderr


ROOT = Path(__file__).parents[2]


def interface() -> Any:
    """The script of `make ui` as a module."""
    spec = importlib.util.spec_from_file_location("ui", ROOT / "workflow/scripts/ui.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("address", ["http://someone:{}@host:5000/", "http://host:5000/?token={}"])
def test_links_hold_no_password(address: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    (workplace / "params").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(SECRET))
    ui = interface()
    monkeypatch.setattr(ui, "present", lambda _: {"all runs": "/#/runs"})
    ui.main()
    assert capfd.readouterr().out == "all runs: http://host:5000/#/runs\n"


def test_the_server_is_given_the_password_where_no_other_user_sees_it(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workplace / "params").mkdir()
    address, started = f"postgresql://user:{SECRET}@host/mlflow", list[str]()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "")
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "")
    ui = interface()
    monkeypatch.setattr(ui, "present", lambda _: {"all runs": "/#/runs"})
    monkeypatch.setattr(os, "execv", lambda _, command: started.extend(command))
    ui.main()
    assert SECRET not in " ".join(started)
    assert os.environ["MLFLOW_BACKEND_STORE_URI"] == address


@pytest.mark.parametrize("error", [ValueError("bad"), CadaError("ours")])
def test_whoever_asks_for_the_views_is_told_that_there_are_none(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "connect", failing(error))
    with refused(str(error)):
        tracking.present(["smoke"])
