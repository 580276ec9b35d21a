"""`python -m benchmarks.search`: how long one waits for a search among many images, and how fast these are indexed.

Most images of the index are random features and tokens, which take as long as real ones. Torch and onnxruntime are measured in turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measuring import Results
from cada.gallery import Index
from cada.gallery.entries import Entry
from cada.gallery.options import Runtime, Stored
from cada.steps.export import export_model
from cada.storage.files import write_json
from cada.synthpedes import Persons, Synthesis, draw_set

MODEL = Path("weights/synthpedes-start")
RUNTIMES: tuple[Runtime, ...] = ("torch", "onnx")
QUERIES = tuple(
    f"A {who} with {hair} hair in a {colour} jacket and {other} trousers."
    for who in ("man", "woman")
    for hair in ("long", "short")
    for colour in ("red", "blue", "white", "green", "black")
    for other in ("grey", "brown", "black", "white", "blue")
)
AT_ONCE = 4096


def filled(folder: Path, model: Path, images: int, *, tokens: Stored = "float16") -> Index:
    """An index of random images."""
    index, draw = Index.create(folder, model, tokens=tokens), np.random.default_rng(0)
    for start in range(0, images, AT_ONCE):
        count = min(AT_ONCE, images - start)
        features = draw.normal(size=(count, index.backend.width)).astype(np.float32)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        index._store.features.append(start, features)
        if tokens != "none":
            some = draw.normal(size=(64, *index.backend.token_shape)).astype(np.float32)
            index._store.tokens.append(start, np.tile(some, (-(-count // 64), 1, 1))[:count])
        rows = range(start, start + count)
        index._entries.change(put=[Entry(f"/images/{row // 1000:04}/{row}.jpg", "", 1, 1, f"{row:064x}", row, None, 0.0) for row in rows])
    return index


def milliseconds(index: Index, rerank: int, rounds: int) -> np.ndarray:
    """What each query of `rounds` takes, after ten that are not counted."""
    taken = []
    for number in range(rounds + 10):
        start = time.perf_counter()
        index.search(QUERIES[number % len(QUERIES)], k=10, rerank=rerank)
        taken.append(1000 * (time.perf_counter() - start))
    return np.array(taken[10:])


def cold(folder: Path, rounds: int) -> float:
    """The median seconds of a whole `cada search`."""
    taken = []
    for number in range(rounds):
        start = time.perf_counter()
        subprocess.run([shutil.which("cada") or "cada", "search", str(folder), QUERIES[number]], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def megabytes(folder: Path, runtime: Runtime, *, rerank: int | None = None) -> float:
    """The most memory that a process holds which answers 50 queries, with the pages of the files that it has mapped."""
    code = (
        f"from cada.gallery import Index; index = Index.open({str(folder)!r}, runtime={runtime!r})\n"
        f"for query in {QUERIES[:50]!r}: index.search(query, rerank={rerank})\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) * 1024 / 1e6


def indexing(folder: Path, model: Path, persons: int) -> Results:
    """Drawn persons as JPEG files of 300 x 100, indexed anew and then found unchanged."""
    drawn = Synthesis(seed=3, persons=Persons(train=1, val=1, test=persons), images_per_person=(4, 4), size=(300, 100))
    draw_set(folder / "drawn", drawn)
    found: Results = {}
    for runtime in RUNTIMES:
        index = Index.create(folder / f"indexed-{runtime}", model, runtime=runtime)
        for name in ("indexing", "unchanged"):
            start, before = time.perf_counter(), time.process_time()
            report = index.add(folder / "drawn" / "imgs")
            count = report.added + report.unchanged
            found[f"{name}_{runtime}_images_per_s"] = count / (time.perf_counter() - start)
            found[f"{name}_{runtime}_images_per_cpu_s"] = count / (time.process_time() - before)
    return found


def measure(images: int, rounds: int, persons: int) -> Results:
    """Every number, under flat names that end with their unit."""
    found: Results = {"images": images, "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        model = Path(shutil.copytree(MODEL, folder / "model"))
        export_model(model, int8=False)
        filled(folder / "gallery", model, images)
        opened = {runtime: Index.open(folder / "gallery", runtime=runtime) for runtime in RUNTIMES}
        for rerank in (0, 32):
            for runtime, index in opened.items():
                taken = milliseconds(index, rerank, rounds)
                for name, value in (("median", np.median(taken)), ("p99", np.percentile(taken, 99))):
                    found[f"rerank_{rerank}_{runtime}_{name}_ms"] = float(value)
        plain = Path(shutil.copytree(MODEL, folder / "plain"))
        shutil.copytree(folder / "gallery", folder / "plain-gallery")
        told = replace(opened["torch"].settings, model=str(plain), weights=(0, 0))
        write_json(folder / "plain-gallery" / "index.json", vars(told))
        times = min(rounds, 7)
        found |= {"cold_onnx_s": cold(folder / "gallery", times), "cold_torch_s": cold(folder / "plain-gallery", times)}
        for runtime in RUNTIMES:
            found[f"memory_{runtime}_mb"] = megabytes(folder / "gallery", runtime)
        found |= indexing(folder, model, persons)
    return found


def main() -> None:
    """Print the numbers, and write them beside those of `make bench`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--persons", type=int, default=500)
    chosen = parser.parse_args()
    found = measure(chosen.images, chosen.rounds, chosen.persons)
    write_json(Path("results/benchmarks-search.json"), found)
    for name, value in found.items():
        print(f"{name:40} {value:,.2f}")


if __name__ == "__main__":
    main()
