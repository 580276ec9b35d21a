"""The command line as a user meets it: help, mistakes, exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cada.cli import main
from tests.messages import carries, line_with
from tests.tracked import copy_tracked

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """The exit code of a command, its output and its errors."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command in a folder that has the parameters and nothing else."""
    copy_tracked("params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CADA_TRACKING", "off")

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["cada", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, *capsys.readouterr())

    return run


def test_help_lists_the_steps() -> None:
    """As a program of its own: the entry point is installed."""
    program = str(Path(sys.executable).parent / "cada")
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for command in ("data", "phrases", "initial", "train", "evaluate", "probe", "associate", "tables", "parity", "doctor", "track"):
        assert f"\n  {command} " in shown


def test_help_imports_nothing_heavy() -> None:
    code = "import cada.cli, sys; assert not {'torch', 'mlflow', 'pandas', 'numpy', 'transformers', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "prepare", "cuhk"),
        ("phrases", "cuhk"),
        ("initial", "cuhk"),
        ("train", "cuhk", "--variant", "dual", "--seed", "0"),
        ("evaluate", "cuhk", "--variant", "dual", "--seed", "0"),
        ("probe", "cuhk", "--variant", "dual", "--seed", "0"),
        ("associate", "cuhk", "--variant", "dual", "--seed", "0"),
        ("transfer", "cuhk", "--to", "smoke", "--variant", "dual", "--seed", "0"),
        ("data", "validate", "cuhk"),
    ],
)
def test_an_unknown_data_set_is_answered_with_the_known_ones(cada: Callable[..., Done], arguments: tuple[str, ...]) -> None:
    done = cada(*arguments)
    assert done.returncode == 1
    known = sorted(path.parent.name for path in Path("params").glob("*/data.yaml"))
    (line,) = done.stderr.splitlines()
    assert carries(line, "cada: cuhk: ", "params/", ", ".join(known))
    assert not Path("results").exists()


@pytest.mark.parametrize("command", ["tables", "probe-tables", "association-tables", "figures", "attention", "chapter"])
def test_an_unknown_data_set_has_no_reports(cada: Callable[..., Done], command: str) -> None:
    done = cada(command, "cuhk")
    assert done.returncode == 1
    assert line_with(done.stderr, "cada: cuhk: ", "params/", "cuhk_pedes")


def test_a_data_set_that_the_workflow_file_does_not_list_has_no_tables(cada: Callable[..., Done]) -> None:
    done = cada("tables", "rstpreid")
    assert done.returncode == 1
    assert line_with(done.stderr, "cada: rstpreid: ", "params/workflow.yaml", "synthpedes")


@pytest.mark.parametrize("step", ["train", "evaluate", "probe", "associate"])
def test_an_unknown_variant_is_answered_with_the_known_ones(cada: Callable[..., Done], step: str) -> None:
    done = cada(step, "smoke", "--variant", "duall", "--seed", "0")
    assert done.returncode == 1
    known = sorted(path.stem for path in Path("params/variants").glob("*.yaml"))
    (line,) = done.stderr.splitlines()
    assert carries(line, "cada: duall: ", "params/variants/", ", ".join(known))


def test_a_misspelt_parameter_is_named_with_the_right_one(cada: Callable[..., Done]) -> None:
    path = Path("params/smoke/train.yaml")
    path.write_text(path.read_text().replace("learning_rate", "learning_rat"))
    done = cada("train", "smoke", "--variant", "dual", "--seed", "0")
    assert done.returncode == 1
    assert line_with(done.stderr, f"cada: {path}: ", "optimisation.learning_rat", "learning_rate")
    assert "Traceback" not in done.stderr
    assert not Path("results").exists()


@pytest.mark.parametrize("command", [("tables", "smoke"), ("transfer-tables",), ("report",)])
def test_a_missing_workflow_file_is_named(cada: Callable[..., Done], command: tuple[str, ...]) -> None:
    done = cada(*command, "--workflow", "params/nowhere.yaml")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert carries(line, "cada: params/nowhere.yaml: ", "no such file")


def test_a_wrong_command_line_is_not_a_success(cada: Callable[..., Done]) -> None:
    assert cada("trai").returncode == 2
    assert cada("train", "smoke").returncode == 2
    assert cada("train", "smoke", "--variant", "dual", "--seed", "-1").returncode == 2


def test_a_parameter_file_that_cannot_be_read_is_named(cada: Callable[..., Done]) -> None:
    path = Path("params/smoke/train.yaml")
    path.unlink()
    path.mkdir()
    done = cada("data", "validate", "smoke")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert carries(line, f"cada: {path}: ", os.strerror(errno.EISDIR), "Move")


def test_a_file_that_the_system_refuses_is_one_line(cada: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in a step it is read or written."""

    def refuse() -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "results/smoke/history/dual/0.csv")

    monkeypatch.setattr("cada.steps.status.show_status", refuse)
    done = cada("data", "status")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert carries(line, "cada: results/smoke/history/dual/0.csv: ", os.strerror(errno.EACCES), "owner")


def test_an_error_that_names_no_file_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("of nobody's file")

    monkeypatch.setattr("cada.steps.status.show_status", fail)
    monkeypatch.setattr(sys, "argv", ["cada", "data", "status"])
    with pytest.raises(OSError, match="of nobody's file"):
        main()


@pytest.mark.parametrize(("package", "extra"), [("matplotlib", "pipeline"), ("scipy", "train"), ("nltk.downloader", "train")])
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    cada: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    def fail() -> None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)

    monkeypatch.setattr("cada.steps.status.show_status", fail)
    done = cada("data", "status")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert carries(line, f"cada: {package.partition('.')[0]}: ", f"pip install 'cada[{extra}]'")


def test_a_package_that_no_extra_brings_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'cada.nowhere'", name="cada.nowhere")

    monkeypatch.setattr("cada.steps.status.show_status", fail)
    monkeypatch.setattr(sys, "argv", ["cada", "data", "status"])
    with pytest.raises(ModuleNotFoundError, match="No module"):
        main()


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "data/\N{MINUS SIGN}"), ("latin-1", r"data/\u2212")])
def test_what_the_terminal_cannot_show_ends_no_command(tmp_path: Path, encoding: str, shown: str) -> None:
    for folder in ("smoke", "procedures"):
        copy_tracked(f"params/{folder}", tmp_path / "params" / folder)
    path = tmp_path / "params/smoke/data.yaml"
    path.write_text(path.read_text().replace("data/smoke", "data/\N{MINUS SIGN}"), encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cada", "data", "status"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout.decode(encoding)
