"""Visitors of a served index at a constant rate: people who search, and those who ask wrongly or go away in the middle."""

from __future__ import annotations

import asyncio
import json
import random
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cada.serving.limits import NARROWEST

MB = 1_000_000
WRONG: dict[str, tuple[str, str, bytes]] = {  # name: method, address, body
    "no JSON": ("POST", "/api/search", b"{"),
    "unknown key": ("POST", "/api/search", b'{"parts": [{"text": "a hat"}], "colour": "red"}'),
    "no part": ("POST", "/api/search", b'{"parts": []}'),
    "no image": ("POST", "/api/search", b'{"parts": [{"upload": "' + b64encode(b"no image") + b'"}]}'),
    "too much": ("POST", "/api/search", bytes(9 * MB)),
    "nowhere": ("GET", "/nowhere", b""),
    "no such image": ("GET", "/api/images/987654321", b""),
    "no number": ("GET", "/api/images/one", b""),
    "other method": ("DELETE", "/api/search", b""),
}


@dataclass
class Visitors:
    """They know `captions` and the files of the `images`, at most `width` wide, and are silent for `patience` seconds at most.

    answers: how often each kind of request had each status.
    """

    captions: Sequence[str]
    images: Sequence[Path]
    width: int
    patience: float = 40.0
    seed: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    begun: int = 0

    async def come(self, address: str, *, rate: float, seconds: float) -> None:
        """`rate` requests begin in a second, whether or not those before have ended."""
        kinds: tuple[tuple[Callable[[random.Random], Coroutine[None, None, None]], int], ...] = (
            (self._search, 10),
            (self._look, 8),
            (self._explain, 1),
            (self._phrases, 2),
            (self._wrong, 4),
            (self._leave, 4),
        )
        start = time.monotonic()
        async with httpx.AsyncClient(base_url=address, timeout=None) as self._client, asyncio.TaskGroup() as group:
            while (now := time.monotonic() - start) < seconds:
                draw = random.Random(f"{self.seed} {self.begun}")
                ((visit, _),) = draw.choices(kinds, [share for _, share in kinds])
                group.create_task(visit(draw))
                self.begun += 1
                await asyncio.sleep(max(0.0, self.begun / rate - now))

    async def fill(self, address: str, size: int) -> None:
        """Look at images until the server has sent `size` bytes of them, no image twice in one width: its cache is then full."""
        sent, width = 0, self.width
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            while sent < size:
                for number in range(len(self.images)):
                    sent += len((await client.get(f"/api/images/{number}", params={"width": width})).content)
                width -= 1

    async def _ask(self, name: str, method: str, address: str, **request: Any) -> None:
        answer = await self._client.request(method, address, **request)
        self.answers[f"{name}: {answer.status_code}"] += 1

    async def _search(self, draw: random.Random) -> None:
        parts: list[dict[str, object]] = [{"text": draw.choice(self.captions)}]
        if draw.random() < 0.2:
            parts.append({"image": draw.randrange(len(self.images)), "weight": draw.choice([0.5, -0.5])})
        if draw.random() < 0.1:
            parts.append({"upload": b64encode(draw.choice(self.images).read_bytes()).decode()})
        await self._ask("search", "POST", "/api/search", json={"parts": parts, "phrases": draw.random() < 0.2})

    async def _look(self, draw: random.Random) -> None:
        address = f"/api/images/{draw.randrange(len(self.images))}"
        await self._ask("image", "GET", address, params={"width": draw.randint(NARROWEST, self.width)})

    async def _explain(self, draw: random.Random) -> None:
        asked = {"text": draw.choice(self.captions), "image": draw.randrange(len(self.images))}
        await self._ask("explanation", "POST", "/api/explain", json=asked)

    async def _phrases(self, draw: random.Random) -> None:
        await self._ask("phrases", "POST", "/api/phrases", json={"text": draw.choice(self.captions)})
        await self._ask("page", "GET", draw.choice(["/", "/app.js", "/api/info"]))

    async def _wrong(self, draw: random.Random) -> None:
        name, (method, address, body) = draw.choice(list(WRONG.items()))
        await self._ask(name, method, address, content=body)

    async def _leave(self, draw: random.Random) -> None:
        """Go away in the middle of a body, in the middle of an answer, or after a while without a word."""
        target, how = self._client.base_url, draw.choice(["body", "answer", "silent"])
        body = json.dumps({"parts": [{"text": draw.choice(self.captions)}], "k": 100}).encode()
        head = f"POST /api/search HTTP/1.1\r\nHost: {target.netloc.decode()}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        reader, writer = await asyncio.open_connection(target.host, target.port)
        writer.write({"body": head + body[: len(body) // 2], "answer": head + body, "silent": head[:10]}[how])
        await writer.drain()
        if how == "answer" and draw.random() < 0.5:
            await reader.read(10)
        if how == "silent":
            await asyncio.sleep(draw.uniform(0, self.patience))
        writer.transport.abort()
        self.answers[f"{how}: gone"] += 1
