"""Remotes and servers for real: DVC's remote on S3 and over SSH, MLflow's runs in PostgreSQL and its artifacts on S3.

The tests start the services.
"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from cada import tracking
from cada.storage.paths import Cell
from tests.processes import free_port
from tests.tracking.server import Server
from tests.workflow.project import NOTHING, Project, wait_until

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
MATRIX = "datasets: [synthpedes]\nvariants: [dual]\nseeds: [0]\n"


def needs(*, modules: tuple[str, ...] = (), programs: tuple[str, ...] = ()) -> None:
    """Skip the test where something is missing, and say what."""
    missing = [name for name in modules if find_spec(name) is None] + [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of moto's S3 server, with an empty bucket `cada`."""
    needs(programs=("moto_server",))
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    address, log = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "moto.log"
    with log.open("w") as file:
        server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=file, stderr=file)
    try:
        wait_until(lambda: server.poll() is not None or "Running on" in log.read_text(), seconds=60, what="moto's server")
        urllib.request.urlopen(urllib.request.Request(f"{address}/cada", method="PUT"), timeout=30).close()
        yield address
    finally:
        server.kill()
        server.wait()


def objects(s3: str, folder: str) -> int:
    """How many objects a folder of the bucket has."""
    with urllib.request.urlopen(f"{s3}/cada?list-type=2&prefix={folder}/", timeout=30) as answer:
        return answer.read().count(b"<Key>")


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of an SSH server of the test's own, and the key that opens it."""
    needs(programs=("sshd", "ssh-keygen"))
    host, key, log = tmp_path / "host", tmp_path / "key", tmp_path / "sshd.log"
    for path in (host, key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where its unprivileged part lives
    options = {
        "HostKey": host,
        "AuthorizedKeysFile": key.with_suffix(".pub"),
        "ListenAddress": f"127.0.0.1:{(port := free_port())}",
        "PidFile": "none",
        "StrictModes": "no",  # the folder of a test may be anybody's
        "Subsystem": "sftp internal-sftp",
    }
    told = [f"-o{name}={value}" for name, value in options.items()]
    with log.open("w") as file:
        server = subprocess.Popen([str(shutil.which("sshd")), "-D", "-e", "-f", "none", *told], stderr=file)
    try:
        wait_until(lambda: server.poll() is not None or "Server listening" in log.read_text(), seconds=60, what="the SSH server")
        yield port, key
    finally:
        server.kill()
        server.wait()


def pushed_and_pulled(make_project: Callable[..., Project], address: str, *, keys: Mapping[str, str], **options: object) -> None:
    """The commands of docs/sharing.md with a remote at an address: a clone that pulls has nothing left to do."""
    project = make_project("project", matrix=MATRIX, fake=True)
    project.environment |= keys
    project.snakemake()
    project.dvc("remote", "add", "--quiet", "--default", "store", address)
    for name, value in options.items():
        project.dvc("remote", "modify", "--quiet", "store", name, str(value))
    project.run("workflow/scripts/record.sh")
    project.dvc("push", "--quiet")
    project.commit()

    clone = project.clone("clone")
    clone.dvc("pull", "--quiet")
    clone.run("workflow/scripts/restore.sh")
    assert NOTHING in clone.snakemake()
    assert clone.files() == project.files()


def test_what_is_pushed_to_s3_is_pulled_elsewhere(make_project: Callable[..., Project], s3: str) -> None:
    needs(modules=("dvc_s3",))
    pushed_and_pulled(make_project, "s3://cada/store", keys=KEYS, endpointurl=s3)
    assert objects(s3, "store") > 10


def test_what_is_pushed_over_ssh_is_pulled_elsewhere(make_project: Callable[..., Project], ssh: tuple[int, Path], tmp_path: Path) -> None:
    needs(modules=("dvc_ssh",))
    port, key = ssh
    pushed_and_pulled(make_project, f"ssh://127.0.0.1{tmp_path}/store", keys={}, port=port, user=getpass.getuser(), keyfile=key)
    assert sum(path.is_file() for path in (tmp_path / "store").rglob("*")) > 10


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database of a PostgreSQL of the test's own, which does not run as root."""
    needs(modules=("psycopg2", "boto3"), programs=("initdb", "pg_ctl", "createdb"))
    folder, user = Path(tempfile.mkdtemp(prefix="postgres")), "postgres" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    port = free_port()

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "--pgdata", str(folder / "data"), "--auth", "trust", "--username", "cada")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "--pgdata", str(folder / "data"), "--log", str(folder / "log"), "--wait", "--options", options, "start")
    try:
        run("createdb", "--host", "127.0.0.1", "--port", str(port), "--username", "cada", "mlflow")
        yield f"postgresql://cada@127.0.0.1:{port}/mlflow"
    finally:
        run("pg_ctl", "--pgdata", str(folder / "data"), "--mode", "immediate", "stop")
        shutil.rmtree(folder)


def test_runs_are_in_postgresql_and_artifacts_on_s3(tmp_path: Path, s3: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of docs/tracking.md. A server that is started anew has what it was told before."""
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CADA_TRACKING", raising=False)
    history, cell = tmp_path / "history.csv", Cell("smoke", "dual", 0)
    history.write_text("step,loss\n1,2.0\n")
    for number, loss in enumerate((2.0, 1.0)):
        log = tmp_path / f"{number}.log"
        server = Server(database, "s3://cada/artifacts", log, {"MLFLOW_S3_ENDPOINT_URL": s3})
        try:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
            with tracking.run(cell, "train", tracking.Description({"epochs": 1}, f"parameters {number}")) as run:
                run.log(1, {"loss": loss})
                run.artifact(history)
                assert run.told
            client = MlflowClient(tracking_uri=server.url)
            runs = client.search_runs([client.get_experiment_by_name("CADA smoke").experiment_id])
            assert sorted(found.data.metrics["loss"] for found in runs) == [1.0, 2.0][1 - number :]
            assert [found.path for found in client.list_artifacts(runs[0].info.run_id)] == [history.name]
            assert objects(s3, "artifacts") == number + 1
        finally:
            server.stop()
