"""A file with its final name is whole: after a kill, on a full disk, beside another writer."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cada.storage import files
from tests import locks
from tests.messages import carries, refused


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".partial"))


def test_text_and_json_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "value.json"
    files.write_json(path, {"b": [1, 2.5], "a": "é"})
    assert path.read_bytes() == '{\n "b": [\n  1,\n  2.5\n ],\n "a": "é"\n}\n'.encode()
    assert files.read_json(path) == {"b": [1, 2.5], "a": "é"}
    assert leftovers(path.parent) == []


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "value.txt"
    files.write_text(path, "old")
    with pytest.raises(ZeroDivisionError), files.atomic(path) as partial:
        partial.write_text("half of the n")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("{", ("JSON",)),
        ('{"a": NaN}', ("NaN",)),
        ('{"a": 1, "b": [-Infinity]}', ("-Infinity",)),
        ("[]", ("object",)),
        ("null", ("object",)),
        ('{"a": 1}', ("b", "missing")),
        ('{"a": "1", "b": []}', ("a", "'1'")),
    ],
)
def test_an_object_has_its_keys_with_their_types(tmp_path: Path, text: str, facts: tuple[str, ...]) -> None:
    path = tmp_path / "value.json"
    path.write_text(text)
    with refused(path, *facts):
        files.read_object(path, a=int, b=list | None)
    files.write_json(path, {"a": 1, "b": None, "c": 2})
    assert files.read_object(path, a=int, b=list | None) == {"a": 1, "b": None, "c": 2}


def test_a_kill_while_writing_leaves_the_old_file_and_its_half_goes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "value.txt"
    files.write_text(path, "old")
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom cada.storage.files import atomic\n"
        "with atomic(Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half of the n'); print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        files.write_text(path, "another")
        assert len(leftovers(tmp_path)) == 1  # of one who is still at work
        writer.send_signal(signal.SIGKILL)
    assert path.read_text() == "another"
    assert len(leftovers(tmp_path)) == 1
    files.write_text(path, "new")
    assert path.read_text() == "new"
    assert leftovers(tmp_path) == []


def test_files_from_the_future_come_to_the_present(tmp_path: Path) -> None:
    times = {"old.txt": time.time() - 1e6, "deep/new.txt": time.time() + 1e6}
    for name, seconds in times.items():
        files.write_text(tmp_path / name, name)
        os.utime(tmp_path / name, (seconds, seconds))
    files.bring_to_the_present(tmp_path, tmp_path / "none")
    assert (tmp_path / "old.txt").stat().st_mtime == pytest.approx(times["old.txt"])
    assert time.time() - 60 < (tmp_path / "deep/new.txt").stat().st_mtime <= time.time()


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for a file system without space."""
    path = tmp_path / "value.txt"
    files.write_text(path, "old")
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from cada.errors import CadaError\nfrom cada.storage.files import write_text\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_text(Path(sys.argv[1]), 'x' * 100_000)\nexcept CadaError as error:\n    sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert carries(done.stderr, path, os.strerror(errno.EFBIG)) and len(done.stderr.splitlines()) == 1
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused(tmp_path / "file" / "value.txt", cause=FileExistsError):
        files.write_text(tmp_path / "file" / "value.txt", "x")


def test_a_refusal_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    """And it names the file that it is about."""
    path = tmp_path / "value.txt"
    for given, named in ((None, path), ("partial", path), (tmp_path, path), (tmp_path / "other.json", tmp_path / "other.json")):
        with refused(f"{named}: ", os.strerror(errno.EACCES), "owner", "`ls -ld`") as caught, files.atomic(path) as partial:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(partial if given == "partial" else given) if given else None)
        assert "space" not in str(caught.value)


def test_a_copy_that_is_refused_names_where_it_goes(tmp_path: Path) -> None:
    with refused(tmp_path / "copy", os.strerror(errno.ENOSPC)), files.atomic(tmp_path / "copy") as partial:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "source"), None, str(partial))


@pytest.mark.parametrize("read", [files.read_text, files.read_json, files.digest])
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "closed").write_text("{}")
    (tmp_path / "closed").chmod(0)
    cases = {"folder": (errno.EISDIR, "Move"), "loop": (errno.ELOOP, "link")}
    cases |= {} if os.geteuid() == 0 else {"closed": (errno.EACCES, "owner")}
    for name, (number, remedy) in cases.items():
        with refused(f"{tmp_path / name}: ", os.strerror(number), remedy):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"a": ', json.JSONDecodeError),
        (b"\xff\xfe", UnicodeDecodeError),
        (b"[" * 100_000, RecursionError),
        (b"[" + b"9" * 5000 + b"]", ValueError),
    ],
    ids=["cut", "bytes", "deep", "long number"],
)
def test_a_broken_json_file_is_named(tmp_path: Path, content: bytes, kind: type[Exception]) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with refused(path, "JSON", cause=kind):
        files.read_json(path)


def test_a_missing_json_file_is_named(tmp_path: Path) -> None:
    with refused(tmp_path / "nowhere.json", cause=FileNotFoundError):
        files.read_json(tmp_path / "nowhere.json")


def test_the_digest_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert files.digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "training.lock"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom cada.storage.files import exclusive\n"
        "with exclusive(Path(sys.argv[1]), 'the training'):\n    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with refused("the training", f"PID {holder.pid}", path), files.exclusive(path, "the training"):
            pytest.fail("two processes hold the same lock")
        holder.send_signal(signal.SIGKILL)
    with files.exclusive(path, "the training"):
        pass


def test_a_lock_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for path, number in ((tmp_path / "locks" / "training.lock", errno.EEXIST), (tmp_path / "loop", errno.ELOOP)):
        with refused(f"{path}: ", "locked", os.strerror(number)), files.exclusive(path, "the training"):
            pytest.fail("no lock is held")


@pytest.mark.parametrize("number", locks.NUMBERS)
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Whatever an earlier lock has left there: its file does not stand for somebody who holds it."""
    path = tmp_path / "training.lock"
    with files.exclusive(path, "the training"):
        pass
    left = path.read_text()
    monkeypatch.setattr("fcntl.flock", fcntl.flock)  # it is put back after the test
    locks.refuse_locks(number)
    with refused(f"{path}: ", "locked", os.strerror(number), "another file system"), files.exclusive(path, "the training"):
        pytest.fail("no lock is held")
    with pytest.raises(OSError, match=os.strerror(number)), files.kernel_lock(path, timeout=1):
        pytest.fail("no lock is held")
    assert path.read_text() == left


def test_an_error_of_the_work_is_not_one_of_the_lock(tmp_path: Path) -> None:
    own = OSError("of the work")
    with pytest.raises(OSError, match="of the work") as caught, files.exclusive(tmp_path / "lock", "the training"):
        raise own
    assert caught.value is own
