"""Archives to their place: digests, layouts, and everything that is refused; nothing half unpacked is left."""

from __future__ import annotations

import errno
import functools
import hashlib
import http.server
import io
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cada.datasets.catalogue import Resource
from cada.datasets.fetch import fetch_resource, fetch_set
from cada.datasets.formats import FORMATS
from cada.datasets.reading import read
from cada.storage.files import digest, exclusive
from cada.storage.paths import set_lock
from tests.messages import Fact, refused
from tests.replicas import WRITERS

ROOT = Path("data/set")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder; whatever happens in it, nothing partial is left and nothing lies outside of the root."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(tmp_path.rglob("escaped*"))
    assert not list(Path(".cada/downloads").glob("*"))


def replica(form: str, folder: Path) -> Path:
    """A replica in `folder`, to be packed."""
    persons = {"train": 4, "test": 4} | ({} if form == "icfg_pedes" else {"val": 4})
    folder.mkdir(parents=True)
    WRITERS[form](folder, persons=persons)
    return folder


def packed(kind: str, folder: Path) -> Path:
    return Path(shutil.make_archive("archive", kind, folder))


def zipped(*members: tuple[str | zipfile.ZipInfo, str]) -> Path:
    with zipfile.ZipFile("archive.zip", "w") as file:
        for name, text in members:
            file.writestr(name, text)
    return Path("archive.zip")


def tarred(*members: tarfile.TarInfo) -> Path:
    with tarfile.open("archive.tar", "w") as file:
        for info in members:
            info.size = 4 if info.isfile() else 0
            file.addfile(info, io.BytesIO(b"text") if info.isfile() else None)
    return Path("archive.tar")


def unpacked(archive: Path | str, sha256: str | None = None) -> None:
    known = sha256 or digest(Path(archive))
    fetch_set(str(archive), ROOT, sha256=known, annotations=FORMATS["cuhk_pedes"].names)


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "xztar"])
def test_every_kind_of_archive(kind: str) -> None:
    replica("cuhk_pedes", Path("packed"))
    unpacked(packed(kind, Path("packed")))
    files = {path.relative_to("packed"): path.read_bytes() for path in Path("packed").rglob("*.*")}
    assert {path.relative_to(ROOT): path.read_bytes() for path in ROOT.rglob("*.*")} == files
    assert list(Path("data").iterdir()) == [ROOT]


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("beside", [(), ("__MACOSX",)])
def test_the_one_folder_at_the_top_is_stripped(form: str, beside: tuple[str, ...]) -> None:
    replica(form, Path("packed/Some-Name"))
    for name in beside:
        Path("packed", name).mkdir()
        Path("packed", name, "._x").write_text("")
    archive = packed("zip", Path("packed"))
    fetch_set(str(archive), ROOT, sha256=digest(archive), annotations=FORMATS[form].names)
    assert read(form, ROOT) == read(form, Path("packed/Some-Name"))
    assert (ROOT / "imgs").is_dir()


def test_a_file_without_a_digest_is_refused_with_the_one_it_has() -> None:
    archive = zipped(("reid_raw.json", "[]"))
    with refused(archive, f"--sha256 {digest(archive)}"):
        fetch_set(str(archive), ROOT, sha256=None, annotations=("reid_raw.json",))
    with refused(archive, "SHA-256", digest(archive), "0" * 64):
        unpacked(archive, "0" * 64)
    with refused("nowhere.zip", "http(s)"):
        unpacked("nowhere.zip", "0" * 64)
    assert not ROOT.exists()


def test_an_existing_set_is_left_alone() -> None:
    archive = zipped(("reid_raw.json", "[]"))
    ROOT.mkdir(parents=True)
    unpacked(archive)
    (ROOT / "mine.txt").write_text("mine")
    with refused(ROOT, "already"):
        unpacked(archive)
    assert (ROOT / "mine.txt").read_text() == "mine"


def test_a_link_in_place_of_the_set_is_left_alone() -> None:
    Path("data").mkdir()
    ROOT.symlink_to("/nowhere")
    with refused(ROOT, "already"):
        unpacked(zipped(("reid_raw.json", "[]")))
    assert ROOT.is_symlink()


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "imgs/../../escaped", "..\\escaped", "imgs/../../../escaped/x"])
def test_no_path_leads_out(name: str) -> None:
    for archive in (zipped(("reid_raw.json", "[]"), (name, "text")), tarred(tarfile.TarInfo("reid_raw.json"), tarfile.TarInfo(name))):
        with refused(archive, repr(name), "path"):
            unpacked(archive)
    assert not ROOT.exists()
    assert not Path("/tmp/escaped").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar(kind: bytes) -> None:
    link = tarfile.TarInfo("imgs")
    link.type, link.linkname = kind, "reid_raw.json"
    with refused("archive.tar", "imgs", "link", "device"):
        unpacked(tarred(tarfile.TarInfo("reid_raw.json"), link))
    assert not ROOT.exists()


def test_a_link_in_a_zip() -> None:
    link = zipfile.ZipInfo("imgs")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with refused("archive.zip", "imgs", "link"):
        unpacked(zipped(("reid_raw.json", "[]"), (link, "/etc")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name() -> None:
    with refused("archive.zip", "reid_raw.json", "members"):
        unpacked(zipped(("reid_raw.json", "[]"), ("reid_raw.json", "[1]")))


def test_a_locked_zip() -> None:
    content = bytearray(zipped(("reid_raw.json", "[]")).read_bytes())
    content[6] |= 1  # the flag of the member
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the list of members
    Path("archive.zip").write_bytes(content)
    with refused("archive.zip", "reid_raw.json", "password"):
        unpacked("archive.zip")


@pytest.mark.parametrize("kind", ["zip", "gztar", "xztar", "tar"])
def test_a_damaged_archive(kind: str) -> None:
    archive = packed(kind, replica("cuhk_pedes", Path("packed")))
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with refused(archive.name, "unpack", "Fetch"):
        unpacked(archive)
    assert not ROOT.exists()


def test_a_flipped_byte_in_a_zip() -> None:
    archive = packed("zip", replica("cuhk_pedes", Path("packed")))
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 255
    archive.write_bytes(content)
    with refused(archive.name, cause=zipfile.BadZipFile):
        unpacked(archive)


def test_a_member_without_a_name() -> None:
    nameless = zipfile.ZipInfo("x")
    nameless.filename = ""
    with refused("archive.zip", "no name"):
        unpacked(zipped((nameless, "x")))


def test_a_header_of_any_size() -> None:
    head = bytearray(512)
    fields = {0: b"a", 100: b"0000644", 124: b"00000001000\0", 148: b" " * 8, 156: b"x", 257: b"ustar  \0"}
    for place, text in fields.items():
        head[place : place + len(text)] = text
    head[148:156] = b"%06o\0 " % sum(head)
    Path("archive.tar").write_bytes(bytes(head) + b"9999999999999999999 a=b\n" + b"x" * 1000)
    with refused("archive.tar", "Fetch"):
        unpacked("archive.tar")


def test_a_file_larger_than_the_disk_is_not_begun() -> None:
    with Path("large").open("wb") as file:
        file.truncate(1 << 43)
    subprocess.run(["tar", "--sparse", "-cf", "archive.tar", "large"], check=True)
    assert Path("archive.tar").stat().st_size < 100_000
    with refused("archive.tar", "large", "8,796.1 GB"):
        unpacked("archive.tar")


def test_what_is_no_archive() -> None:
    Path("archive.rar").write_text("Rar!")
    with refused("archive.rar", "zip", "tar", ".7z"):
        unpacked("archive.rar")


def test_an_archive_of_something_else() -> None:
    with refused("archive.zip", "reid_raw.json", "a.txt", "b.txt"):
        unpacked(zipped(("a.txt", ""), ("b.txt", "")))
    with refused("archive.zip", "caption_all.json", "splits", "reid_raw.json"):
        unpacked(zipped(("top/caption_all.json", "[]"), ("top/imgs/a.jpg", "")))
    assert not ROOT.exists()


def test_another_process_is_waited_for() -> None:
    archive = zipped(("reid_raw.json", "[]"))
    with exclusive(set_lock(ROOT), "other"), refused(f"fetching {ROOT}", f"PID {os.getpid()}", set_lock(ROOT)):
        unpacked(archive)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a server that gives the files of www/."""
    (tmp_path / "www").mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path / "www"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address(served: str) -> None:
    archive = packed("zip", replica("cuhk_pedes", Path("packed"))).rename("www/set.zip")
    url = f"{served}/set.zip"
    with refused(url, "give", "--sha256"):
        fetch_set(url, ROOT, sha256=None, annotations=("reid_raw.json",))
    with refused(url, "SHA-256", "0" * 64):
        unpacked(url, "0" * 64)
    assert not ROOT.exists()
    unpacked(url, digest(archive))
    assert read("cuhk_pedes", ROOT) == read("cuhk_pedes", Path("packed"))


def test_an_address_that_does_not_answer(served: str) -> None:
    with refused(f"{served}/none.zip", 404, "--archive") as caught:
        unpacked(f"{served}/none.zip", "0" * 64)
    assert str(caught.value).count(served) == 1


def test_a_home_that_cannot_be_reached_is_named_in_a_few_words() -> None:
    """Of all that the libraries wrap around it, only the first cause."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/words.zip"
    with refused(url, f"({os.strerror(errno.ECONNREFUSED)})", "--archive"):
        unpacked(url, "0" * 64)


@pytest.mark.parametrize("signed", ["http://{}/{}?sig=s3cret-word", "http://someone:s3cret-word@{}/{}"])
def test_the_signature_of_an_address_is_shown_nowhere(signed: str, served: str, capfd: pytest.CaptureFixture[str]) -> None:
    archive = packed("zip", replica("cuhk_pedes", Path("packed"))).rename("www/set.zip")
    other = zipped(("else/list.txt", "")).rename("www/other.zip")
    server = served.removeprefix("http://")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = f"127.0.0.1:{closed.getsockname()[1]}"
    shown = []
    for home, name, sha256, fact in (
        (server, "set.zip", None, "give"),
        (server, "set.zip", "0" * 64, "SHA-256"),
        (server, "none.zip", "0" * 64, "404"),
        (server, "other.zip", digest(other), "reid_raw.json"),
        (gone, "set.zip", "0" * 64, os.strerror(errno.ECONNREFUSED)),
    ):
        with refused(f"http://{home}/{name}: ", fact) as caught:
            fetch_set(signed.format(home, name), ROOT, sha256=sha256, annotations=("reid_raw.json",))
        shown.append(str(caught.value))
    with refused(f"http://{server}/other.zip: ", "words/list.txt") as caught:
        fetch_resource(RESOURCE, signed.format(server, "other.zip"), Path("nltk/words"), sha256=None)
    shown.append(str(caught.value))
    with refused("ftp://host/set.zip: ", "http(s)") as caught:
        unpacked("ftp://someone:s3cret-word@host/set.zip", "0" * 64)
    shown.append(str(caught.value))
    unpacked(signed.format(server, "set.zip"), digest(archive))
    assert "s3cret-word" not in "".join((*capfd.readouterr(), *shown))


RESOURCE = Resource("a list of words", "unused", "words", {"list.txt": hashlib.sha256(b"some words").hexdigest()})


def test_a_known_resource_needs_no_digest(served: str) -> None:
    target = Path("nltk/words")
    fetch_resource(RESOURCE, str(zipped(("words/list.txt", "some words"))), target, sha256=None)
    assert (target / "list.txt").read_text() == "some words"
    fetch_resource(RESOURCE, None, target, sha256=None)  # there already
    shutil.rmtree(target)
    Path("archive.zip").rename("www/words.zip")
    home = Resource(RESOURCE.title, f"{served}/words.zip", RESOURCE.folder, RESOURCE.contents)
    fetch_resource(home, None, target, sha256=None)
    assert (target / "list.txt").read_text() == "some words"


def test_another_resource_is_refused() -> None:
    target = Path("nltk/words")
    cases: tuple[tuple[tuple[str, str], tuple[Fact, ...]], ...] = (
        (("words/list.txt", "other words"), (": list.txt", "Fetch")),
        (("list.txt", "some words"), ("words/list.txt",)),
    )
    for member, facts in cases:
        archive = zipped(member)
        with refused(archive, RESOURCE.title, *facts):
            fetch_resource(RESOURCE, str(archive), target, sha256=None)
        assert not target.exists()
    with refused("archive.zip", "SHA-256", digest(Path("archive.zip")), "0" * 64):
        fetch_resource(RESOURCE, "archive.zip", target, sha256="0" * 64)
    target.mkdir()
    (target / "list.txt").write_text("changed")
    with refused(target, "move", ": list.txt", RESOURCE.title):
        fetch_resource(RESOURCE, None, target, sha256=None)
