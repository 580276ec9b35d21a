"""A file with its final name is whole: after a kill, on a full disk, beside another writer."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cada.errors import CadaError
from cada.storage import files


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


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
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
        writer.send_signal(signal.SIGKILL)
    assert path.read_text() == "old"
    files.write_text(path, "new")
    assert path.read_text() == "new"


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path: Path) -> None:
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
    assert done.stderr.startswith(f"{path}: cannot be written: {os.strerror(errno.EFBIG)}.")
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CadaError, match="cannot be written"):
        files.write_text(tmp_path / "file" / "value.txt", "x")


def test_a_refusal_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    """And it is said of the file that it is about."""
    path = tmp_path / "value.txt"
    for refused, named in ((None, path), ("partial", path), (tmp_path, path), (tmp_path / "other.json", tmp_path / "other.json")):
        with pytest.raises(CadaError) as caught, files.atomic(path) as partial:
            raise PermissionError(
                errno.EACCES, os.strerror(errno.EACCES), str(partial if refused == "partial" else refused) if refused else None
            )
        said = str(caught.value)
        assert said.startswith(f"{named}: ") and "Permission denied. Ask its owner" in said and "space" not in said


@pytest.mark.parametrize("read", [files.read_text, files.read_json, files.digest])
def test_a_file_that_cannot_be_read_is_said_with_what_to_do(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "closed").write_text("{}")
    (tmp_path / "closed").chmod(0)
    cases = {"folder": "Is a directory. Move the folder away", "loop": "Too many levels of symbolic links. Remove or fix the link"}
    cases |= {} if os.geteuid() == 0 else {"closed": "Permission denied. Ask its owner"}
    for name, said in cases.items():
        with pytest.raises(CadaError) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: cannot be read: {said}")


@pytest.mark.parametrize(("content", "message"), [(b'{"a": ', "not valid JSON"), (b"\xff\xfe", "not valid JSON")])
def test_a_broken_json_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(CadaError, match=message) as caught:
        files.read_json(path)
    assert str(path) in str(caught.value)


def test_a_missing_json_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CadaError, match=r"nowhere\.json: there is no such file"):
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
        with pytest.raises(CadaError, match="the training: another process is doing this now"), files.exclusive(path, "the training"):
            pytest.fail("two processes hold the same lock")
        holder.send_signal(signal.SIGKILL)
    with files.exclusive(path, "the training"):
        pass


def test_a_lock_that_cannot_be_taken_is_said(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "locks" / "training.lock", tmp_path / "loop"):
        with pytest.raises(CadaError) as caught, files.exclusive(path, "the training"):
            pytest.fail("no lock is held")
        assert str(caught.value).startswith(f"{path}: cannot be locked: ")


def test_an_error_of_the_work_is_not_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="of the work"), files.exclusive(tmp_path / "lock", "the training"):
        raise OSError("of the work")
