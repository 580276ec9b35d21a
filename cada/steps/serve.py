"""An index served until Ctrl-C."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

import uvicorn

from cada.errors import CadaError, of_file
from cada.gallery.index import Index
from cada.serving.app import create_app
from cada.serving.security import LOCAL_NAMES, Access
from cada.serving.service import Service, open_log
from cada.storage.files import read_text

TOKEN = "CADA_TOKEN"
SHORTEST = 16  # characters of a token: fewer can be guessed
PATIENCE = 5  # seconds for requests that are running when the server ends


def serve_index(
    folder: Path,
    *,
    host: str,
    port: int,
    token_file: Path | None,
    log_queries: Path | None,
    show_paths: bool,
    rate: int,
    open_page: bool,
) -> None:
    """Answer requests at `host` and `port`. The model is loaded before the first of them."""
    local, token = _is_local(host), _token(token_file)
    if not local and token is None:
        raise CadaError(f"--host {host}: whoever reaches it could search. Write a long random word to a file and name it by --token-file.")
    if log_queries is not None:
        _check_log(log_queries)
    index = Index.open(folder)
    app = create_app(Service(index, show_paths, log_queries), Access(token, LOCAL_NAMES if local else None, rate))
    with _listen(host, port) as listening:
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        print(f"{folder}: {len(index):,} images at {address} ; end with Ctrl-C", flush=True)
        if open_page:
            webbrowser.open(address)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, lifespan="off")
        config.timeout_graceful_shutdown = PATIENCE
        with suppress(KeyboardInterrupt):  # uvicorn has ended by then
            uvicorn.Server(config).run(sockets=[listening])
    print("ended", file=sys.stderr)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _token(file: Path | None) -> str | None:
    """The token of a file, or of the environment. Errors: `CadaError` for one that could be guessed."""
    token, place = (read_text(file).strip(), str(file)) if file is not None else (os.environ.get(TOKEN, ""), TOKEN)
    if not token and file is None:
        return None
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise CadaError(f"{place}: a token has {SHORTEST} or more letters, digits and signs without spaces. Make one: openssl rand -hex 24")
    return token


def _check_log(path: Path) -> None:
    try:
        open_log(path).close()
    except OSError as error:
        raise of_file(error, path, "cannot be written") from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CadaError(f"{host}:{port}: cannot listen there ({error.strerror}). Choose another --port or --host.") from error
