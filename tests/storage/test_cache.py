"""Files that can be made again: made once, within a limit, what was used longest ago goes first."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import numpy as np
import pytest

from cada.storage.cache import LIMIT, Cache
from tests import locks
from tests.messages import line_with, refused


def wanted(cache: Cache, name: str, size: int) -> bool:
    """Whether the file `name` had to be made."""
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_bytes(bytes(size))

    assert cache.read(name, size, make, Path.read_bytes) == bytes(size)
    return bool(made)


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 100)
    for age, name in enumerate(("images/a", "images/b", "features/c")):
        assert wanted(cache, name, 30)
        os.utime(cache.root / name, (age, age))
    assert not wanted(cache, "images/a", 30)  # used now
    assert wanted(cache, "d", 60)  # in place of b and c
    assert sorted(str(path.relative_to(cache.root)) for path in cache.root.rglob("*") if path.is_file() and path.suffix != ".lock") == [
        "d",
        "images/a",
        "lock",
    ]


def test_the_limit_is_never_exceeded(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    for number in range(20):
        wanted(cache, f"{number}.npy", 7 * number % 45)
        assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) <= 100


def test_a_file_over_the_limit_is_refused_and_nothing_is_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    wanted(cache, "small", 60)
    with refused(tmp_path / "large", 1e-07, LIMIT):
        wanted(cache, "large", 101)
    assert not wanted(cache, "small", 60)


def test_the_limit_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Cache.at(tmp_path).limit == 32e9
    monkeypatch.setenv(LIMIT, "1.5")
    assert Cache.at(tmp_path).limit == 1.5e9
    monkeypatch.setenv(LIMIT, "much")
    with refused(LIMIT, "number", "gigabytes", "'much'"):
        Cache.at(tmp_path)


def test_what_a_killed_process_left_makes_room_too(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 100)
    (tmp_path / ".a.npy.123.partial").write_bytes(bytes(90))
    assert wanted(cache, "b", 50)
    assert not list(tmp_path.glob(".*.partial"))


def test_a_damaged_file_is_made_again_with_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache, whole = Cache(tmp_path, 1e6), np.arange(30.0)
    for content in (
        b"",
        b"\x93NUMPY",
        bytes(100),
        b"{}",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (30,), }",
    ):
        for options in ({}, {"mmap_mode": "c"}):
            (tmp_path / "a.npy").write_bytes(content)
            found = cache.read("a.npy", 240, lambda path: saved(path, whole), lambda path, how=options: np.load(path, **how))
            assert np.array_equal(found, whole)
            assert line_with(capsys.readouterr().err, tmp_path / "a.npy", "again")


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path, 100)
    wanted(cache, "a", 30)
    monkeypatch.setattr("fcntl.flock", fcntl.flock)  # it is put back after the test
    locks.refuse_locks(errno.ENOLCK)
    assert not wanted(cache, "a", 30)  # to read takes no lock
    with refused(f"{tmp_path / 'lock'}: ", "locked", os.strerror(errno.ENOLCK)):
        wanted(cache, "b", 30)


def saved(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array)


def test_a_file_that_goes_before_it_is_opened_is_made_again(tmp_path: Path) -> None:
    """Another process may need its room between any two calls."""
    cache, opened = Cache(tmp_path, 100), []

    def open_file(path: Path) -> bytes:
        opened.append(path)
        if len(opened) < 3:
            path.unlink()
        return path.read_bytes()

    assert cache.read("a", 4, lambda path: path.write_bytes(b"once"), open_file) == b"once"
    assert len(opened) == 3
    with refused(tmp_path / "a", "others"):
        cache.read("a", 4, lambda path: path.write_bytes(b"once"), lambda path: path.unlink() or path.read_bytes())
