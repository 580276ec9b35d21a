"""What a client is told where it cannot have what it asked for: problem details (RFC 9457), one sentence each."""

from __future__ import annotations

import math
import sys
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cada.errors import CadaError

MEDIA = "application/problem+json"
SCHEMA = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {"title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
}


class Problem(Exception):
    """An answer with an error's `status`; `wait`: the seconds after which it may be tried again."""

    def __init__(self, status: int, detail: str, *, wait: float | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = (headers or {}) | ({} if wait is None else {"Retry-After": str(math.ceil(wait))})

    def response(self) -> JSONResponse:
        """The answer."""
        content = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        return JSONResponse(content, self.status, headers=self.headers, media_type=MEDIA)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problems as OpenAPI has them."""
    return {status: {"description": HTTPStatus(status).phrase, "content": {MEDIA: {"schema": SCHEMA}}} for status in statuses}


def answer_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem. What only the server's owner can fix is said to the owner alone: it may name paths."""

    @app.exception_handler(Problem)
    def known(_: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return Problem(422, _sentence(error.errors()[0])).response()

    @app.exception_handler(HTTPException)
    def plain(_: Request, error: HTTPException) -> JSONResponse:
        said = {404: "There is nothing at this address.", 405: "This address does not take this method."}
        headers = dict(error.headers or {})
        return Problem(error.status_code, said.get(error.status_code, "The request cannot be read."), headers=headers).response()

    @app.exception_handler(CadaError)
    def broken(_: Request, error: CadaError) -> JSONResponse:
        print(f"cada: {error}", file=sys.stderr, flush=True)
        return Problem(500, "The index or one of its files cannot be read; the server's output says which.").response()

    @app.exception_handler(Exception)
    def unknown(_: Request, _error: Exception) -> JSONResponse:  # the server prints it
        return Problem(500, "The server has failed; its output says where.").response()


def _sentence(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][1:])  # the first is body, path or query
    if error["type"] == "json_invalid":
        return "The request's body is not JSON."
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{place.lstrip('.') or 'The request'}: {said[0].lower()}{said[1:]}."
