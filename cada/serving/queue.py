"""Work that takes a processor's time, a fixed number at once and a fixed number waiting; whoever comes later is told when to try again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from anyio import CapacityLimiter

from cada.serving.problems import Problem

T = TypeVar("T")


class Queue:
    """`workers` threads; the clients of all others wait, at most `waiting` of them, first come, first served.

    The threads stay. Anyio's own end when they are idle, and each new one takes another of glibc's arenas, eight for each processor, all
    of which would grow to what a search needs at most.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="queue")
        self._limiter, self._workers, self._room = CapacityLimiter(workers), workers, workers + waiting
        self._present, self._seconds = 0, 1.0  # of the last work: what a new client waits for each before it

    async def run(self, work: Callable[[], T], *, abandoned: Callable[[], Awaitable[bool]]) -> T:
        """What `work` returns. It is not begun where its client has gone meanwhile. Errors: `Problem` 503 where the queue is full."""
        if self._present >= self._room:
            wait = max(1.0, self._seconds * self._present / self._workers)
            raise Problem(503, f"The server is busy with {self._present} requests of this kind; try again later.", wait=wait)
        self._present += 1
        try:
            async with self._limiter:
                if await abandoned():
                    raise Problem(400, "The client has gone.")
                start = time.monotonic()
                done = await asyncio.get_running_loop().run_in_executor(self._threads, work)
                self._seconds = time.monotonic() - start
                return done
        finally:
            self._present -= 1
