"""How much one request may ask for, and one client in a minute."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

LETTERS = 1000  # of a text
K, RERANK = 100, 256
WEIGHT = 10.0  # of a part, either way
STARS = 4  # in a pattern of paths: each of them multiplies the time that it takes
BODY = 8_000_000  # bytes of a request
UPLOAD_PIXELS = 40_000_000
NARROWEST, WIDEST = 32, 1600  # pixels of an image that is sent
BODY_SECONDS = 30.0
MINUTE = 60.0


class Rate:
    """Requests of each client in the running minute."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = per_minute, clock
        self._minute, self._counts = 0, Counter[str]()

    def wait(self, client: str) -> float:
        """Count a request; the seconds until the client may ask again, 0 where it may now."""
        minute, passed = divmod(self._clock(), MINUTE)
        if minute != self._minute:
            self._minute, self._counts = int(minute), Counter()
        self._counts[client] += 1
        return MINUTE - passed if self._counts[client] > self._most else 0.0
