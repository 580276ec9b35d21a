"""The lock file, environment.yml and pyproject.toml name the same versions; which interpreter `make` takes."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SCRIPT = ROOT / "workflow/scripts/interpreter.sh"


def locked() -> dict[str, str]:
    """Package to version; behind it the marker of the systems that take it, if there is one."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(line.split("==", 1) for line in lines if re.match(r"[a-z0-9]", line))


def test_conda_users_get_the_locked_versions() -> None:
    python, _, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert python == "python>=3.11,<3.14"
    assert dict(entry.split("==", 1) for entry in pip["pip"]) == locked()


def test_the_lock_satisfies_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(text) for texts in (project["dependencies"], *project["optional-dependencies"].values()) for text in texts]
    versions = locked()
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name == project["name"]:
            continue  # an extra has those of another one
        assert name in versions, f"{name} is not in requirements.lock: make lock"
        assert versions[name] in requirement.specifier, f"{name}: make lock"


def test_the_lock_leaves_the_build_of_torch_open() -> None:
    versions = locked()
    assert re.fullmatch(r"[0-9.]+", versions["torch"])
    assert "torchvision" not in versions


def test_one_version_of_a_package_serves_every_python() -> None:
    names = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert len(names) == len(set(names)) > 200


# --- the interpreter ----------------------------------------------------------------------------------------------


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A folder that is the whole PATH: the tools that the script calls, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("cat", "sed", "uname"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


def put(names: Path, name: str, line: str) -> None:
    (names / name).write_text(f"#!/bin/sh\n{line}\n")
    (names / name).chmod(0o755)


def choice(names: Path, *arguments: str, wheels: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(names), "CC": "/bin/sh"}  # stands for the compiler that 3.14 needs
    if wheels is not None:
        environment["PIP_FIND_LINKS"] = str(wheels)
    return subprocess.run(["/bin/sh", str(SCRIPT), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_same_pythons_are_supported_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    supported = SpecifierSet(project["project"]["requires-python"])
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}" in supported] == PYTHONS
    assert (project["tool"]["mypy"]["python_version"], project["tool"]["ruff"]["target-version"]) == ("3.11", "py311")
    assert re.findall(r"python(3\.\d+)", SCRIPT.read_text().split("set -- ")[1].splitlines()[0]) == PYTHONS[::-1]


def test_the_newest_that_runs_is_taken(names: Path) -> None:
    put(names, "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    for minor in (13, 12):
        put(names, f"python3.{minor}", f"echo cp3{minor}")
    assert choice(names).stdout == "python3.13\n"


def test_an_interpreter_that_a_folder_of_wheels_has_torch_for_comes_first(names: Path, tmp_path: Path) -> None:
    for minor in (13, 12, 11):
        put(names, f"python3.{minor}", f"echo cp3{minor}")
    torch = locked()["torch"]
    for version, tag in (("1.0.0", "cp313"), (f"{torch}+cpu", "cp310")):
        (tmp_path / f"torch-{version}-{tag}-{tag}-linux_{platform.machine()}.whl").touch()
    assert choice(names, wheels=tmp_path).stdout == "python3.13\n", "the folder has nothing for any of them"
    (tmp_path / f"torch-{torch}+cpu-cp312-cp312-linux_{platform.machine()}.whl").touch()
    done = choice(names, wheels=tmp_path)
    assert done.stdout == "python3.12\n"
    assert all(fact in done.stderr for fact in ("python3.12", "python3.13", str(tmp_path)))


def test_every_name_that_was_looked_for_is_listed_with_its_fault(names: Path) -> None:
    put(names, "python3.12", "exit 127")
    put(names, "python3", f"exec {sys.executable} -c 'import sys; sys.version_info = (3, 10); exec(sys.argv[1])' \"$2\"")
    done = choice(names)
    assert (done.returncode, done.stdout) == (1, "")
    for version in PYTHONS:
        assert f"python{version} {'fails' if version == '3.12' else 'is not found'}" in done.stderr
    assert "python3 is Python 3.10" in done.stderr
    assert all(word in done.stderr for word in ("apt install", "brew install", "PYTHON="))


def test_the_named_interpreter_is_taken_and_no_other(names: Path) -> None:
    put(names, "python3.13", "echo cp313")
    assert choice(names, sys.executable).stdout == f"{sys.executable}\n"
    assert choice(names, "/nowhere/python3.12").returncode == 1


@pytest.mark.parametrize("kind", [DeprecationWarning, PendingDeprecationWarning, FutureWarning])
@pytest.mark.parametrize("module", ["cada.losses", "tests.test_losses", "benchmarks.naive"])
def test_what_will_be_gone_fails_the_tests_where_our_own_code_uses_it(module: str, kind: type[Warning]) -> None:
    with pytest.raises(kind, match="gone soon"):
        warnings.warn_explicit("gone soon", kind, f"{module}.py", 1, module=module)


def test_what_a_library_uses_does_not() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.warn_explicit("gone soon", DeprecationWarning, "library.py", 1, module="torch.nn")
    assert len(shown) == 1
