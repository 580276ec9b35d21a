"""Lines and branches of each room of the code that the tests run, from coverage's JSON."""

import json
import sys
from collections import Counter
from pathlib import Path

from cada.errors import CadaError
from cada.runtime.console import console

LEAST = {"lines": 92.0, "branches": 85.0}  # per cent of all
COUNTS = {"lines": ("covered_lines", "num_statements"), "branches": ("covered_branches", "num_branches")}


def rooms(files: dict[str, dict[str, Counter[str]]]) -> dict[str, Counter[str]]:
    """The counts of each folder of the package, of the modules beside them, and of all."""
    found: dict[str, Counter[str]] = {}
    for path, file in sorted(files.items()):
        _, *folders, _ = Path(path).parts
        for room in (folders[0] if folders else "beside them", "all"):
            found.setdefault(room, Counter()).update(file["summary"])
    return found | {"all": found.pop("all")}


def shares(counts: Counter[str]) -> dict[str, float]:
    """Per cent of the lines and of the branches."""
    return {kind: 100 * counts[covered] / counts[there] if counts[there] else 100.0 for kind, (covered, there) in COUNTS.items()}


if __name__ == "__main__":
    with console("coverage"):
        found = rooms(json.loads(Path(sys.argv[1]).read_text())["files"])
        print("| room | statements | lines, % | branches | branches, % |\n|---|--:|--:|--:|--:|")
        for room, counts in found.items():
            own = shares(counts)
            print(f"| {room} | {counts['num_statements']:,} | {own['lines']:.1f} | {counts['num_branches']:,} | {own['branches']:.1f} |")
        if less := [f"{own:.1f} % of {kind}, {LEAST[kind]:g} wanted" for kind, own in shares(found["all"]).items() if own < LEAST[kind]]:
            raise CadaError(f"{sys.argv[1]}: too little is tested: {'; '.join(less)}.")
