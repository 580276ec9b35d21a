"""Who may ask: the guard before the application. It answers with problems, and puts the headers on every answer."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cada.serving.limits import BODY, BODY_SECONDS, Rate
from cada.serving.problems import Problem

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_PORT = re.compile(r":\d+$")
_NOTHING_ELSE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": f"{_NOTHING_ELSE}; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Access:
    """token: what the API's clients must know, None for nothing. names: those that the server answers to, None for any."""

    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] | None = LOCAL_NAMES
    per_minute: int = 2400


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access, self._rate = app, access, Rate(access.per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
            body = await _body(receive, Headers(scope=scope))
        except Problem as problem:
            await problem.response()(scope, receive, with_headers)
            return
        await self._app(scope, _again(body, receive), with_headers)

    def _check(self, scope: Scope, headers: Headers) -> None:
        wait = self._rate.wait(scope["client"][0] if scope.get("client") else "")
        if wait:
            raise Problem(429, f"A client may ask {self._access.per_minute} times a minute.", wait=wait)
        if self._access.names is not None and _PORT.sub("", headers.get("host", "")) not in self._access.names:
            raise Problem(400, "This server answers to the names of this machine alone, such as localhost.")
        if scope["method"] not in ("GET", "HEAD") and not _same_origin(headers):
            raise Problem(403, "Requests from other pages than the server's own are refused.")
        if self._access.token is not None and (scope["path"].startswith("/api/") or scope["path"] == "/openapi.json"):
            given = headers.get("authorization", "").partition(" ")
            right = secrets.compare_digest(given[2].strip().encode(), self._access.token.encode())
            if given[0].lower() != "bearer" or not right:
                raise Problem(401, "This server wants its token.", headers={"WWW-Authenticate": "Bearer"})


def _same_origin(headers: Headers) -> bool:
    """Whether no other page has sent the request. Browsers say who did; programs say nothing."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


async def _body(receive: Receive, headers: Headers) -> bytes:
    told = headers.get("content-length", "0")
    too_large = Problem(413, f"A request may have {BODY // 1_000_000} MB.")
    if told.isdecimal() and int(told) > BODY:
        raise too_large
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "The request has ended before its body.")
                parts.append(message.get("body", b""))
                size, more = size + len(parts[-1]), message.get("more_body", False)
                if size > BODY:
                    raise too_large
    except TimeoutError as error:
        raise Problem(408, "The request's body has not come in time.") from error
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives the body which was read, and then what comes after it."""
    rest = [body]

    async def received() -> Message:
        return {"type": "http.request", "body": rest.pop(), "more_body": False} if rest else await receive()

    return received
