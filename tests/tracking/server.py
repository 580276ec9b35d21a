"""`mlflow server` as a process of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.processes import free_port


class Server:
    """`mlflow server` on a free port, which keeps its runs in the store and its artifacts where they are to go; `log` is its log."""

    def __init__(self, store: str, artifacts: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        options = ["--workers", "1", "--port", str(self.port), "--artifacts-destination", artifacts]
        command = [sys.executable, "-m", "mlflow", "server", *options, "--backend-store-uri", store]
        own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with log.open("w") as file:
            self.process = subprocess.Popen(
                command, cwd=log.parent, env=os.environ | own | (environment or {}), stdout=file, stderr=file, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while not self.answers():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.url}/health", timeout=5).status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        os.killpg(self.process.pid, 9)
        self.process.wait()
