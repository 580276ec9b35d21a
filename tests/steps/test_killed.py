"""Commands that are killed: whoever works for them ends too, no temporary file is left, and the next call is served."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from cada.gallery import Index
from tests.forked import Forked, script
from tests.gallery.conftest import drawn, index, photos
from tests.processes import free_port
from tests.steps.conftest import ROOT, Small

__all__ = ["drawn", "index", "photos"]
SIGNALS = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
# A shell that starts tests in the background has them, and what they start, ignore Ctrl-C.
COMMAND = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.dup2(output, 1), os.dup2(output, 2)
sys.argv[1:] = {}
from cada.cli import main
main()
"""


class Command:
    """`cada words`, started in a folder in which nobody else works; temporary files go to `tmp` there."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.folder, self.scratch, self.output = folder.resolve(), folder / "tmp", folder / "output"
        self.scratch.mkdir()
        environment = os.environ | {"TMPDIR": str(self.scratch), "OMP_NUM_THREADS": "1", "CADA_TRACKING": "off", "PYTHONPATH": str(ROOT)}
        self.process = Forked(script, COMMAND.format(list(map(str, words))), folder=folder, environment=environment)

    def says(self, text: str) -> bool:
        return self.output.exists() and text in self.output.read_text()

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 120
        while not self.says(text):
            assert self.process.poll() is None and time.monotonic() < end, self.output.read_text()
            time.sleep(0.01)

    def kill(self, number: signal.Signals) -> int | None:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int | None:
        """The exit code. Nobody who worked for the command is there any more, not even as a zombie."""
        self.process.communicate(60)
        end = time.monotonic() + 20
        while left := workers(self.folder):
            assert time.monotonic() < end, left
            time.sleep(0.05)
        assert {path.name for path in self.scratch.iterdir()} <= {f"torchinductor_{getpass.getuser()}"}  # torch's cache, which stays
        return self.process.returncode


def workers(folder: Path) -> list[str]:
    """Who works in a folder, or has and is a zombie."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()) == folder:
                found.append(f"{process.pid} {process.status()} {process.cmdline()}")
    return found


@SIGNALS
def test_a_server_amid_its_requests(index: Index, tmp_path: Path, number: signal.Signals) -> None:
    """What was asked is answered or cut off, and the port is free at once."""
    port = free_port()
    command = Command(tmp_path, "serve", index.folder, "--port", port)
    command.wait_for("24 images")
    with ThreadPoolExecutor(4) as clients, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        asked = [clients.submit(client.post, "/api/search", json={"parts": [{"text": "a man in a blue coat"}]}) for _ in range(8)]
        asked[0].result()
        code = command.kill(number)
    assert {one.result().status_code for one in asked if one.exception() is None} == {200}
    assert all(isinstance(one.exception(), httpx.TransportError | None) for one in asked)
    assert code == {signal.SIGINT: 0}.get(number, -number)
    assert not command.says("Traceback")
    socket.create_server(("127.0.0.1", port)).close()


@pytest.fixture
def training(project: Small) -> Command:
    """Of two processes under torchrun, each in a group of its own, amid its epochs."""
    project.edit("params/smoke/train.yaml", r"threads: 1", "threads: 1, processes: 2")
    project.edit("params/smoke/train.yaml", r"epochs: 2", "epochs: 1000")
    command = Command(project.root, "train", "smoke", "--variant", "dual", "--seed", "0")
    command.wait_for("epoch 1 of")
    return command


@SIGNALS
def test_a_training_of_two_processes(training: Command, number: signal.Signals) -> None:
    assert len(workers(training.folder)) == 3
    assert training.kill(number) == {signal.SIGKILL: -9}.get(number, 128 + number)
    assert not training.says("Traceback")


def test_one_process_of_a_training(training: Command) -> None:
    """As the kernel does when the memory is full. Torchrun may end the other one before it says that it cannot go on."""
    psutil.Process(training.process.pid).children()[0].kill()
    assert training.ended() == 1
    assert training.says("one of its 2 processes has failed")
    assert not training.says("Traceback")
