"""Searches at the same time: equal answers, a bound, and nothing done for those who have gone."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from cada.gallery import Index
from cada.serving.app import create_app
from cada.serving.problems import Problem
from cada.serving.queue import Queue
from cada.serving.security import Access
from cada.serving.service import Service
from tests.serving.test_app import problem

TEXTS = ("a man in a blue jacket", "a woman in a red coat")


def asked(text: str) -> dict[str, Any]:
    return {"parts": [{"text": text}], "k": 3}


@asynccontextmanager
async def users(service: Service, **options: int) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(service, Access(), **options))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


class Held(Service):
    """Its searches wait for `go`."""

    go, running = threading.Event(), 0

    def search(self, asked: Any) -> Any:
        """As the service, later."""
        self.running += 1
        assert self.go.wait(20)
        return super().search(asked)


async def until(condition: Any) -> None:
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_two_users_get_what_each_gets_alone(shared: Index, workers: int) -> None:
    found: dict[int, Any] = {}

    async def both() -> None:
        async with users(Service(shared), workers=workers) as client, anyio.create_task_group() as group:

            async def search(place: int) -> None:
                found[place] = (await client.post("/api/search", json=asked(TEXTS[place % 2]))).json()

            for place in range(8):
                group.start_soon(search, place)

    anyio.run(both)
    for place, text in enumerate(TEXTS):
        alone = [hit.row for hit in shared.search(text, k=3)]
        assert [[hit["id"] for hit in found[each]["hits"]] for each in range(place, 8, 2)] == [alone] * 4


def test_a_full_queue_says_when_to_try_again(shared: Index) -> None:
    service, answers = Held(shared), []
    service.go = threading.Event()

    async def crowd() -> None:
        async with users(service, workers=1, waiting=2) as client, anyio.create_task_group() as group:

            async def search() -> None:
                answers.append(await client.post("/api/search", json=asked(TEXTS[0])))

            for _ in range(3):
                group.start_soon(search)
            await until(lambda: service.running == 1)
            await anyio.sleep(0.1)
            for _ in range(2):
                refused = await client.post("/api/search", json=asked(TEXTS[1]))
                assert "try again" in problem(refused, 503) and int(refused.headers["retry-after"]) >= 1
            assert (await client.get("/api/info")).status_code == (await client.get("/api/images/0")).status_code == 200
            assert service.running == 1, "one at a time"
            service.go.set()

    anyio.run(crowd)
    assert [answer.status_code for answer in answers] == [200] * 3

    async def later() -> int:
        async with users(service, workers=1, waiting=2) as client:
            return (await client.post("/api/search", json=asked(TEXTS[1]))).status_code

    assert anyio.run(later) == 200


def test_a_failure_leaves_its_place() -> None:
    async def failing() -> None:
        queue = Queue(1, 0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await queue.run(lambda: 1 / 0, abandoned=lambda: _answer(False))
        assert await queue.run(lambda: 7, abandoned=lambda: _answer(False)) == 7

    anyio.run(failing)


def test_the_threads_of_a_queue_stay_and_are_its_own() -> None:
    """Each of them that has searched holds what a search needs at most: they may not be new ones again and again."""

    async def threads() -> list[set[int]]:
        queues, used = [Queue(1, 8), Queue(2, 8)], [set(), set()]
        for _ in range(5):
            for queue, own in zip(queues, used, strict=True):

                def work(own: set[int] = own) -> None:
                    time.sleep(0.01)
                    own.add(threading.get_ident())

                async with anyio.create_task_group() as group:
                    for _ in range(3):
                        group.start_soon(partial(queue.run, work, abandoned=lambda: _answer(False)))
        return used

    searches, images = anyio.run(threads)
    assert (len(searches), len(images)) == (1, 2) and not searches & images


def test_nothing_is_done_for_a_client_that_has_gone() -> None:
    done: list[int] = []

    async def leaving() -> None:
        with pytest.raises(Problem):
            await Queue(1, 0).run(lambda: done.append(1), abandoned=lambda: _answer(True))

    anyio.run(leaving)
    assert done == []


async def _answer(value: bool) -> bool:
    return value
