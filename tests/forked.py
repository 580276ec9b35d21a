"""Processes that have their libraries when they begin: forked from a server that has imported them once for a worker's tests.

Torch, transformers, Snakemake and DVC take seconds to import, and the tests start them a hundred times. The server knows nothing
of the project: each process imports `cada` itself, from where its environment says.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LIBRARIES = (
    *("torch._dynamo", "torch.distributed.run", "transformers.models.bert.modeling_bert", "transformers.models.vit.modeling_vit"),
    *("matplotlib.pyplot", "pandas", "pyarrow.parquet", "pydantic", "safetensors.torch", "scipy.optimize", "typer"),
    *("snakemake.cli", "snakemake.report.html_reporter", "snakemake_executor_plugin_slurm", "smart_open"),
    *("dvc.cli", "dvc.repo", "dvc.scm", "dulwich.client", "networkx", "psutil", "pyparsing", "ruamel.yaml"),
)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(list(LIBRARIES))  # the server is started with the first process


class Forked:
    """`function(*arguments)` in a process with a folder and an environment of its own; used as a `subprocess.Popen` is."""

    def __init__(self, function: Callable[..., object], *arguments: Any, folder: Path, environment: Mapping[str, str]) -> None:
        self._output = TemporaryDirectory()
        for name in ("output", "errors"):  # it may be killed before it has opened them
            Path(self._output.name, name).touch()
        self._process = CONTEXT.Process(target=_begin, args=(folder, dict(environment), self._output.name, function, arguments))
        self._process.start()
        self.kill, self.terminate = self._process.kill, self._process.terminate

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for the end; the output and the errors."""
        self._process.join(timeout)
        assert self.returncode is not None, f"it runs after {timeout} seconds"
        with self._output:
            output, errors = (Path(self._output.name, name).read_text() for name in ("output", "errors"))
        return output, errors


def script(text: str) -> None:
    """What `python -c` does."""
    exec(text, {"__name__": "__main__"})


def program(module: str, *arguments: str) -> None:
    """What the command of a tool does; its errors go where its output goes."""
    os.dup2(1, 2)
    sys.argv = [module.partition(".")[0], *arguments]
    sys.exit(importlib.import_module(module).main())


def _begin(folder: Path, environment: dict[str, str], output: str, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    for number, name in ((1, "output"), (2, "errors")):
        with Path(output, name).open("a") as file:
            os.dup2(file.fileno(), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [str(folder), environment.get("PYTHONPATH", str(folder))]
    function(*arguments)
