"""`python -m benchmarks.serving`: users of a served index at the same time, written to results/benchmarks-serving.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

import cada
from benchmarks.measuring import Results
from cada.gallery import Index
from cada.storage.files import write_json

MODEL = Path("weights/synthpedes-start")
PERSONS = 400  # drawn
THUMBNAILS = 6  # that a user looks at after a search
LONGEST_WAIT = 5.0  # seconds: a user who is told to wait longer tries again nevertheless
ASKED = {"search": "/api/search", "thumbnail": "/api/images"}


@dataclass
class Seen:
    """What the users have got: seconds of the answers by kind, and how often each other status was given."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in ASKED})
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def drawn_index(folder: Path, *, persons: int = PERSONS, size: tuple[int, int] = (256, 128)) -> tuple[Index, list[str]]:
    """An index of drawn persons, three images each, and their captions."""
    counts = cada.synthpedes.Persons(train=1, val=1, test=persons)
    cada.synthpedes.draw_set(folder, cada.synthpedes.Synthesis(seed=1, persons=counts, images_per_person=(3, 3), size=size))
    index = Index.create(folder / "gallery", MODEL)
    index.add(folder / "imgs" / "test")
    records = json.loads((folder / "reid_raw.json").read_text())
    return index, [caption for record in records if record["split"] == "test" for caption in record["captions"]]


@contextmanager
def served(index: Path, **environment: str) -> Iterator[tuple[str, int]]:
    """`cada serve` in a process of its own: its address and number. All users come from one address, so one client's rate is no limit."""
    command = [sys.executable, "-m", "cada", "serve", str(index), "--port", "0", "--rate", "1000000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split(" at ")[1].split()[0], process.pid
        finally:
            process.send_signal(signal.SIGINT)


async def user(address: str, captions: list[str], seen: Seen, *, number: int, end: float) -> None:
    """Search, look at some images, and search for something else, until `end`."""
    choose = random.Random(number)
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:

        async def ask(kind: str, request: httpx.Request) -> httpx.Response | None:
            start = time.monotonic()
            try:
                answer = await client.send(request)
            except httpx.HTTPError as error:
                seen.errors[type(error).__name__] += 1
                return None
            if answer.status_code == 503:
                seen.refused += 1
                await asyncio.sleep(min(LONGEST_WAIT, float(answer.headers["Retry-After"])))
            elif answer.status_code == 200:
                seen.seconds[kind].append(time.monotonic() - start)
                return answer
            else:
                seen.errors[str(answer.status_code)] += 1
            return None

        while time.monotonic() < end:
            body = {"parts": [{"text": choose.choice(captions)}], "k": 24}
            if (found := await ask("search", client.build_request("POST", ASKED["search"], json=body))) is not None:
                for hit in found.json()["hits"][:THUMBNAILS]:
                    await ask("thumbnail", client.build_request("GET", f"{ASKED['thumbnail']}/{hit['id']}", params={"width": 400}))


async def crowd(address: str, captions: list[str], *, users: int, seconds: float) -> Seen:
    """What all users have seen."""
    seen, end = Seen(), time.monotonic() + seconds
    await asyncio.gather(*(user(address, captions, seen, number=number, end=end) for number in range(users)))
    return seen


def results_of(seen: Seen, *, users: int, seconds: float, images: int) -> Results:
    """Flat names that end with their unit."""
    found: Results = {
        "users": users,
        "seconds": seconds,
        "images": images,
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }
    for kind, taken in seen.seconds.items():
        found[f"{kind}_answers"] = len(taken)
        for share in (50, 99):
            found[f"{kind}_p{share}_ms"] = float(np.percentile(taken, share)) * 1000 if taken else None
    return found | {"refused_503": seen.refused, "errors": dict(seen.errors)}


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 where a user got anything but an answer or a 503."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="Users of a served index at the same time.")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder that is written to")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        index, captions = drawn_index(Path(folder))
        with served(index.folder) as (address, _):
            seen = asyncio.run(crowd(address, captions, users=chosen.users, seconds=chosen.seconds))
        found = results_of(seen, users=chosen.users, seconds=chosen.seconds, images=len(index))
    write_json(chosen.results / "benchmarks-serving.json", found)
    for name, value in found.items():
        print(f"{name}: {value:.0f}" if isinstance(value, float) else f"{name}: {value}")
    return 1 if seen.errors else 0


if __name__ == "__main__":
    sys.exit(main())
