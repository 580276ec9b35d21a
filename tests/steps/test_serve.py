"""What `cada serve` refuses before it serves; that it serves is seen in tests/browser/test_search.py."""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from cada.errors import CadaError
from cada.gallery import Index
from cada.serving.app import create_app
from cada.steps import serve
from tests.gallery.conftest import drawn, index, photos

__all__ = ["drawn", "index", "photos"]


def start(folder: Path, **changed: Any) -> None:
    options: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "token_file": None, "log_queries": None, "show_paths": False, "rate": 60}
    serve.serve_index(folder, **options | {"open_page": False} | changed)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "cameras.example"])
def test_other_machines_need_a_token(tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(serve.TOKEN, raising=False)
    with pytest.raises(CadaError, match="--token-file") as refused:
        start(tmp_path, host=host)
    assert host in str(refused.value)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "a long word with spaces", "wörd-of-enough-letters"])
def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token + "\n")
    with pytest.raises(CadaError, match=str(serve.SHORTEST)) as refused:
        start(tmp_path, host="0.0.0.0", token_file=file)
    assert str(file) in str(refused.value) and (not token or f"{token} " not in str(refused.value))


def test_where_there_is_no_index_or_no_room_for_the_log(tmp_path: Path) -> None:
    with pytest.raises(CadaError, match="cada index"):
        start(tmp_path / "nothing")
    with pytest.raises(CadaError, match="queries"):
        start(tmp_path / "nothing", log_queries=tmp_path / "missing" / "queries")


def test_a_port_that_is_taken_is_named(index: Index) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CadaError, match=str(taken.getsockname()[1])):
        start(index.folder, port=taken.getsockname()[1])


def test_it_says_where_it_serves_and_a_log_is_its_owners_alone(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    given: list[Any] = []
    monkeypatch.setattr(serve.webbrowser, "open", opened.append)
    monkeypatch.setattr(serve.uvicorn.Server, "run", lambda _, sockets: sockets[0].close())
    monkeypatch.setattr(serve, "create_app", lambda service, access: given.append((service, access)) or create_app(service, access))
    monkeypatch.setenv(serve.TOKEN, "a-long-random-word")
    log = tmp_path / "queries"
    start(index.folder, log_queries=log, open_page=True, show_paths=True)
    said = capsys.readouterr()
    assert opened[0] in said.out and opened[0].startswith("http://127.0.0.1:") and "24 images" in said.out and said.err == "ended\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    ((service, access),) = given
    assert (service.show_paths, service.log, access.token, access.per_minute) == (True, log, "a-long-random-word", 60)
    assert "a-long-random-word" not in said.out + said.err
