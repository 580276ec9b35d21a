"""`python -m benchmarks`: measure, print and write results/benchmarks.{json,md}; `--write-docs` copies them into the page."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks import growth, images, page, query, retrieval, training
from benchmarks.inputs import CPU, GPU, QUICK, Sizes, tokenizer_of
from benchmarks.measuring import Machine, Results, facts, machine_of
from cada.errors import CadaError
from cada.runtime.compute import resolve_device
from cada.storage.files import read_json, write_json, write_text

PAGE = Path("docs/performance.md")
FILES = {"cpu": "benchmarks", "cuda": "benchmarks-gpu"}
CUHK_PEDES = {"images": 3074, "captions": 6156, "pairs": 6156 * 32}  # its test split


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 with what the user can fix on stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure this machine, beside the published procedure.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, in seconds: does everything run?")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of this process (default: all cores)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder that is written to")
    parser.add_argument("--write-docs", action="store_true", help=f"measure nothing; write what was measured into {PAGE}")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.write_docs:
            write_docs(chosen.results)
        else:
            machine = machine_of(resolve_device(chosen.device), threads=chosen.threads, seconds=0.2 if chosen.quick else 2.0)
            write(measure(machine, quick=chosen.quick), chosen.results)
    except CadaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def measure(machine: Machine, *, quick: bool) -> Results:
    """Every number, under flat names that end with their unit."""
    sizes: Sizes = QUICK if quick else (GPU if machine.device.type == "cuda" else CPU)
    start = time.monotonic()
    found = facts(machine) | {"quick": quick, "rounds": sizes.rounds}
    tokenizer = tokenizer_of(sizes.words)
    parts = {
        "encoding and re-ranking": lambda: retrieval.at_full_size(tokenizer, sizes, machine),
        "one query": lambda: query.queries(tokenizer, sizes, machine),
        "training": lambda: training.training(tokenizer, sizes, machine),
        "loading": lambda: images.loading(sizes),
        "evaluation": lambda: retrieval.evaluation(tokenizer, sizes, machine),
        "metrics": lambda: retrieval.metrics(sizes, machine),
        "growth": lambda: growth.growth(tokenizer, sizes, machine),
    }
    for name, part in parts.items():
        print(f"{time.monotonic() - start:5.0f} s: {name}", file=sys.stderr)
        found |= part()
    for way in ("naive", "fp32"):
        rates = {unit: found[f"{'rerank' if unit == 'pairs' else 'encoding'}_{way}_{unit}_per_s"] for unit in CUHK_PEDES}
        found[f"cuhk_pedes_{way}_hours"] = sum(count / rates[unit] for unit, count in CUHK_PEDES.items()) / 3600
    return found | {"seconds": time.monotonic() - start}


def write(results: Results, folder: Path) -> None:
    """JSON and Markdown, and the Markdown on stdout."""
    name = FILES[results["device"]]
    text = page.render(results)
    write_json(folder / f"{name}.json", results)
    write_text(folder / f"{name}.md", text)
    print(text, end="")


def write_docs(folder: Path) -> None:
    """The page's tables from the files of the machines that were measured."""
    measured = [path for name in FILES.values() if (path := folder / f"{name}.json").exists()]
    page.write_docs(PAGE, [read_json(path) for path in measured])


if __name__ == "__main__":
    sys.exit(main())
