"""What a server and a training hold of the machine over time: `python -m benchmarks.flat serve`, `train`, then `draw`.

Writes results/flat-serve.json and results/flat-train.json, and docs/flat.svg of both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import yaml
from matplotlib.figure import Figure
from scipy.stats import theilslopes

from benchmarks.measuring import Results
from benchmarks.serving import MODEL, drawn_index, served
from benchmarks.visitors import Visitors
from cada.reporting.figures.style import COLOURS, PAGE, style, write_figure
from cada.serving.thumbnails import KEPT
from cada.storage.files import read_json, write_json

FIGURE = Path("docs/flat.svg")
EVERY = 5.0  # seconds
GONE = 7.0  # seconds after which a server has noticed that a client has gone: it keeps connections for five
WARM = 0.2  # of the time, at the beginning, is not looked at
PERSONS, SIZE = 40, (768, 384)  # drawn, three images each; large ones fill the cache of thumbnails
HELD = {"memory_mb": "resident memory, MB", "descriptors": "descriptors", "threads": "threads", "files": "files"}
UNITS = {"serve": "requests", "train": "steps"}


def held(pid: int, folders: Sequence[Path]) -> dict[str, float]:
    """What a process and all that it started hold now, and how many files are in `folders`."""
    found = dict.fromkeys(("memory_mb", "descriptors", "threads", "processes", "zombies"), 0.0)
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile
            found["zombies"] += process != root and process.status() == psutil.STATUS_ZOMBIE
            found["memory_mb"] += process.memory_info().rss / 1e6
            found["descriptors"] += process.num_fds()
            found["threads"] += process.num_threads()
            found["processes"] += 1
    return found | {"files": sum(len(names) for folder in folders for _, _, names in os.walk(folder))}


def trend(samples: Sequence[dict[str, float]], name: str = "memory_mb") -> tuple[float, float, float]:
    """The median slope (Theil and Sen) after the warm-up, for a thousand done, and its 95 % interval."""
    warm = samples[round(WARM * len(samples)) :]
    slope, _, low, high = theilslopes([sample[name] for sample in warm], [sample["done"] / 1000 for sample in warm])
    return float(slope), float(low), float(high)


def watch_server(index: Path, visitors: Visitors, scratch: Path, *, seconds: float, rate: float, every: float = EVERY) -> Results:
    """Serve an index to visitors; `scratch` is an empty folder for temporary files. The last sample is of when all of them have gone."""
    samples: list[dict[str, float]] = []

    async def visited(address: str, pid: int) -> None:
        def take() -> None:
            samples.append({"seconds": time.monotonic() - start, "done": visitors.begun, **held(pid, [scratch, index])})

        await visitors.fill(address, KEPT)
        start, coming = time.monotonic(), asyncio.create_task(visitors.come(address, rate=rate, seconds=seconds))
        while not coming.done():
            take()
            await asyncio.sleep(every)
        await coming
        await asyncio.sleep(GONE)
        take()

    with served(index, TMPDIR=str(scratch), OMP_NUM_THREADS="1") as (address, pid):
        asyncio.run(visited(address, pid))
    return {"samples": samples, "answers": dict(sorted(visitors.answers.items())), "rate_per_s": rate, "images": len(visitors.images)}


def watch_training(project: Path, *, every: float = EVERY) -> Results:
    """Train `dual` of the project's smoke set to its end."""
    scratch, log = project / "tmp", project / "log"
    scratch.mkdir()
    environment = os.environ | {"TMPDIR": str(scratch), "MLFLOW_TRACKING_URI": f"sqlite:///{project}/mlflow.db"}
    samples: list[dict[str, float]] = []
    start = time.monotonic()
    with (
        log.open("w") as errors,
        subprocess.Popen(_cada("train smoke --variant dual --seed 0"), cwd=project, stderr=errors, env=environment) as process,
    ):
        while process.poll() is None:
            done = len(re.findall("^epoch ", log.read_text(), re.MULTILINE))
            samples.append({"seconds": time.monotonic() - start, "done": done, **held(process.pid, [project])})
            time.sleep(every)
    if process.returncode:
        raise RuntimeError(log.read_text())
    history = pd.read_csv(project / "results/smoke/history/dual/0.csv")
    for sample in samples:
        sample["done"] *= history["step"].iloc[-1] / history["epoch"].iloc[-1]
    return {"samples": [sample for sample in samples if sample["done"]]}


def prepare(folder: Path, *, epochs: float) -> Path:
    """A project with the smoke set, whose training has so many epochs and saves its state every five seconds."""
    listed = subprocess.run(["git", "ls-files", "params", str(MODEL)], check=True, capture_output=True, text=True).stdout.split()
    for name in listed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, folder / name)
    path = folder / "params/smoke/train.yaml"
    values = yaml.safe_load(path.read_text())
    values["optimisation"] |= {"epochs": epochs, "batch_size": 8}
    path.write_text(yaml.safe_dump(values | {"save_seconds": 5, "watch_test": "none"}))
    for step in ("data prepare smoke", "phrases smoke", "initial smoke"):
        subprocess.run(_cada(step), cwd=folder, check=True)
    return folder


def _cada(words: str) -> list[str]:
    return [sys.executable, "-m", "cada", *words.split()]


def figure_of(measured: dict[str, Results]) -> Figure:
    """A row of panels for each of the two, over what was done; the warm-up is grey."""
    figure = Figure(figsize=(PAGE, 1.4 * len(measured)))
    rows = figure.subplots(len(measured), len(HELD), squeeze=False)
    for row, (kind, found) in zip(rows, measured.items(), strict=True):
        samples = found["samples"]
        done = [sample["done"] for sample in samples]
        for axes, (name, title) in zip(row, HELD.items(), strict=True):
            axes.axvspan(0, done[round(WARM * len(done))], color="#EEEEEE", lw=0)
            axes.plot(done, [sample[name] for sample in samples], color=COLOURS[1], linewidth=0.8)
            axes.set(title=f"{kind}: {title}", xlim=(0, done[-1]))
            axes.set_ylim(0, 1.2 * max(sample[name] for sample in samples) + 1)
        row[0].set_xlabel(UNITS[kind])
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Measure one of them, or draw both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flat", description="What a server and a training hold over time.")
    parser.add_argument("what", choices=["serve", "train", "draw"])
    parser.add_argument("--minutes", type=float, default=30, help="of serving")
    parser.add_argument("--rate", type=float, default=3, help="requests in a second")
    parser.add_argument("--epochs", type=float, default=300, help="of training")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder that is written to")
    chosen = parser.parse_args(arguments)
    paths = {kind: chosen.results / f"flat-{kind}.json" for kind in UNITS}
    if chosen.what == "draw":
        with style():
            write_figure(figure_of({kind: read_json(path) for kind, path in paths.items()}), FIGURE)
        return
    with tempfile.TemporaryDirectory() as name:
        if chosen.what == "serve":
            index, captions = drawn_index(Path(name), persons=PERSONS, size=SIZE)
            scratch = Path(name) / "tmp"
            scratch.mkdir()
            visitors = Visitors(captions, sorted((Path(name) / "imgs/test").rglob("*.jpg")), width=SIZE[1])
            found = watch_server(index.folder, visitors, scratch, seconds=60 * chosen.minutes, rate=chosen.rate)
        else:
            found = watch_training(prepare(Path(name), epochs=chosen.epochs))
    write_json(paths[chosen.what], found)
    print(summary(chosen.what, found))


def summary(kind: str, found: Results) -> str:
    """What was held after the warm-up, in lines."""
    samples = found["samples"]
    slope, low, high = trend(samples)
    lines = [f"{samples[-1]['done']:.0f} {UNITS[kind]} in {samples[-1]['seconds'] / 60:.1f} minutes"]
    lines += [f"memory: {slope:+.2f} MB for a thousand {UNITS[kind]} (95 %: {low:+.2f} to {high:+.2f})"]
    warm = samples[round(WARM * len(samples)) :]
    for name in (*HELD, "processes", "zombies"):
        values = [sample[name] for sample in warm]
        lines.append(f"{name}: {min(values):.0f} to {max(values):.0f}, at the end {values[-1]:.0f}")
    return "\n".join(lines + [f"{name}: {count}" for name, count in found.get("answers", {}).items()])


if __name__ == "__main__":
    main()
