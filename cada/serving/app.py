"""The REST API and its page."""

from __future__ import annotations

from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.types import ASGIApp

from cada.serving.limits import NARROWEST, WIDEST
from cada.serving.messages import Answer, ExplainAsked, Explained, Id, Info, Phrases, SearchAsked, TextAsked
from cada.serving.problems import answer_problems, described
from cada.serving.queue import Queue
from cada.serving.security import Access, Guard
from cada.serving.service import Service
from cada.serving.thumbnails import tag_of

PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/app.js": "app.js", "/style.css": "style.css", "/icon.svg": "icon.svg"}
ANY = (400, 401, 403, 408, 413, 422, 429)  # problems that any request may have


def create_app(service: Service, access: Access, *, workers: int = 1, waiting: int = 16) -> ASGIApp:
    """The application behind its guard.

    workers: searches and explanations at a time; waiting: how many more may wait. Images have a queue of their own.
    """
    app = FastAPI(
        title="CADA search",
        description="Persons in an index of images, found by sentences. Where the server has a token: Authorization: Bearer TOKEN.",
        version=metadata.version("cada"),
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # errors may quote queries
        responses=described(*ANY),
    )
    searches, images = Queue(workers, waiting), Queue(2, 512)

    @app.get("/api/info")
    def info() -> Info:
        """The index, its model, and what may be asked of it."""
        return service.info()

    @app.post("/api/search", responses=described(404, 503))
    async def search(asked: SearchAsked, request: Request) -> Answer:
        """The images that fit the weighted parts best, best first."""
        return await searches.run(partial(service.search, asked), abandoned=request.is_disconnected)

    @app.post("/api/phrases")
    def phrases(asked: TextAsked) -> Phrases:
        """The attribute phrases of a sentence."""
        return service.phrases(asked.text)

    @app.post("/api/explain", responses=described(404, 410, 503))
    async def explain(asked: ExplainAsked, request: Request) -> Explained:
        """Where each phrase of a sentence looks in an image, and what is expected in its place."""
        return await searches.run(partial(service.explain, asked), abandoned=request.is_disconnected)

    @app.get(
        "/api/images/{id}",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "It has not changed"}, **described(404, 410, 503)},
    )
    async def image(
        id: Id,
        request: Request,
        width: Annotated[int, Query(ge=NARROWEST, le=WIDEST)] = WIDEST,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """An image, at most `width` pixels wide."""
        entry = service.entry(id)
        headers = {"ETag": tag_of(entry, width), "Cache-Control": "private, no-cache"}  # another index may have the same numbers
        if if_none_match is not None and headers["ETag"] in if_none_match:
            return Response(status_code=304, headers=headers)
        content = await images.run(partial(service.image, entry, width), abandoned=request.is_disconnected)
        return Response(content, headers=headers, media_type="image/jpeg")

    for address, name in FILES.items():
        app.add_api_route(address, partial(_file, name), include_in_schema=False)
    answer_problems(app)
    return Guard(app, access)


def _file(name: str) -> FileResponse:
    return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache"})
