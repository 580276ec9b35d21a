"""Run a command and say how much of its time no step was running: the cost of the workflow itself.

    python workflow/scripts/overhead.py snakemake --cores 8 all

Every step's benchmark file has its seconds and is written when it ends. Time in which several steps ran counts once.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path


def intervals(since: float) -> list[tuple[float, float]]:
    """Begin and end of every step that ended after `since`, in seconds of the clock, sorted."""
    found = []
    for path in Path("results").glob("**/benchmarks/**/*.tsv"):
        end = path.stat().st_mtime
        if end >= since:
            with path.open(encoding="utf-8") as file:
                found += [(end - float(row["s"]), end) for row in csv.DictReader(file, delimiter="\t")]
    return sorted(found)


def covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of sorted spans."""
    total, reached = 0.0, float("-inf")
    for begin, end in spans:
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def main(command: list[str]) -> int:
    """The command's exit code."""
    begin = time.time()
    code = subprocess.call(command)
    wall = time.time() - begin
    steps = intervals(begin)
    busy = covered(steps)
    print(
        f"{len(steps)} steps; {wall:.1f} s of wall time, {busy:.1f} s of them with a step running: {100 * (1 - busy / wall):.1f} % overhead"
    )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
