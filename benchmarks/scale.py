"""`python -m benchmarks.scale`: the first stage among millions of images, all compared and by an approximate index.

Features are random: time does not depend on what they hold. Recall does, so it is measured with an index of real images (`--recall`).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measuring import Results
from benchmarks.search import MODEL, QUERIES, filled, megabytes, milliseconds
from cada.gallery import Index
from cada.gallery.approximate import build
from cada.gallery.features import Features
from cada.storage.files import write_json

WANTED = (10, 32, 100)  # images of a query that the approximate index should have among its first ones
PROBED = (8, 32, 128)  # lists that a query looks into


def times(images: int, rounds: int) -> Results:
    """A whole search without re-ranking, text encoding included: all compared, then by an approximate index."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "gallery"
        index = filled(folder, MODEL, images, tokens="none")
        found: Results = {"images": images, "features_mb": (folder / "features.bin").stat().st_size / 1e6}
        found["entries_mb"] = sum(path.stat().st_size for path in folder.glob("images.sqlite*")) / 1e6
        for way in ("exact", "approximate"):
            if way == "approximate":
                start = time.perf_counter()
                index.approximate()
                found["build_s"] = time.perf_counter() - start
            taken = milliseconds(Index.open(folder), 0, rounds)
            found |= {f"{way}_median_ms": float(np.median(taken)), f"{way}_p99_ms": float(np.percentile(taken, 99))}
            found[f"{way}_memory_mb"] = megabytes(folder, "torch", rerank=0)
    return found


def recall(folder: Path) -> Results:
    """The share of the exact first images of 100 sentences that an approximate index gives, in percent, by the lists it looks into."""
    index = Index.open(folder)
    features = index.backend.encode_texts(QUERIES)
    stored = Features(np.memmap(folder / "features.bin", np.float16, "r").reshape(-1, features.shape[1]))
    rows = np.arange(len(stored.values))
    with tempfile.TemporaryDirectory() as made:
        near = build(Path(made), stored)
    found: Results = {"images": len(rows)}
    exact = [np.argsort(-stored.scores(query, rows), kind="stable")[: max(WANTED)] for query in features]
    for probes in PROBED:
        looked = replace(near, probes=probes)
        for count in WANTED:
            given = [looked.first(query, rows, count) for query in features]
            found[f"{probes}_lists_recall_at_{count}"] = mean_recall(given, [order[:count] for order in exact])
    return found


def mean_recall(given: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """In percent."""
    return 100 * float(np.mean([np.isin(own, images).mean() for images, own in zip(given, wanted, strict=True)]))


def main() -> None:
    """Print the numbers, and write them beside those of `make bench`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--recall", type=Path, help="an index of real images, whose recall is measured instead")
    chosen = parser.parse_args()
    found: Results = {"load": os.getloadavg()[0]}
    found |= times(chosen.images, chosen.rounds) if chosen.recall is None else recall(chosen.recall)
    write_json(Path(f"results/benchmarks-scale-{'recall' if chosen.recall else chosen.images}.json"), found)
    for name, value in found.items():
        print(f"{name:40} {value:,.2f}")


if __name__ == "__main__":
    main()
