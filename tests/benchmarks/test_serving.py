"""The users of the serving benchmark, against a server that answers, refuses and fails in turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import SimpleNamespace

import pytest

from benchmarks import serving
from benchmarks.serving import THUMBNAILS, Seen, crowd, results_of


@pytest.fixture
def address() -> Iterator[str]:
    """The second search is refused, the third one fails."""
    searches = count(1)

    class Handler(BaseHTTPRequestHandler):
        """As little as there can be of a server."""

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            hits = ", ".join(f'{{"id": {number}}}' for number in range(9))
            self.answer({2: 503, 3: 500}.get(next(searches), 200), f'{{"hits": [{hits}]}}'.encode())

        def do_GET(self) -> None:
            self.answer(200 if self.path.endswith("width=400") else 404, b"image")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_answers_refusals_and_errors_are_counted_apart(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = count()
    monkeypatch.setattr(serving, "time", SimpleNamespace(monotonic=lambda: next(looks) / 100))  # time goes on when somebody looks at it
    seen = asyncio.run(crowd(address, ["a hat"], users=2, seconds=1))
    assert (seen.refused, dict(seen.errors)) == (1, {"500": 1})
    searches, thumbnails = (len(seen.seconds[kind]) for kind in ("search", "thumbnail"))
    assert searches > 2 and thumbnails == searches * THUMBNAILS


def test_percentiles_are_in_milliseconds() -> None:
    seen = Seen({"search": [0.1] * 99 + [2.0], "thumbnail": []}, refused=3)
    found = results_of(seen, users=1, seconds=1, images=1)
    assert (found["search_p50_ms"], found["thumbnail_p99_ms"], found["refused_503"]) == (pytest.approx(100), None, 3)
    assert 100 < found["search_p99_ms"] <= 2000
