"""A server and a training hold as much after some hundred requests or steps as before; `python -m benchmarks.flat` sees thousands."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.flat import figure_of, trend, watch_server, watch_training
from benchmarks.visitors import WRONG, Visitors
from cada.gallery import Index
from tests.gallery.conftest import drawn, index, photos
from tests.steps.conftest import Small, prepared, project

__all__ = ["drawn", "index", "photos", "prepared", "project"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other allocators")


def test_the_trend_is_of_what_comes_after_the_warm_up() -> None:
    samples = [{"done": 10.0 * place, "memory_mb": 50.0 * place if place < 20 else 900 + 0.02 * place} for place in range(100)]
    assert trend(samples) == pytest.approx((2, 2, 2))


@pytest.mark.slow
def test_a_server_is_flat(index: Index, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.flat.KEPT", 100_000)
    records = json.loads((drawn / "reid_raw.json").read_text())
    captions = [caption for record in records for caption in record["captions"]]
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    visitors = Visitors(captions, sorted((drawn / "imgs/test").rglob("*.jpg")), width=48, patience=1)
    found = watch_server(index.folder, visitors, scratch, seconds=12, rate=20, every=0.5)
    samples = found["samples"]
    first, middle, last = samples[0], samples[len(samples) // 2], samples[-1]
    assert last["done"] > 150
    assert last["descriptors"] == first["descriptors"]
    assert last["files"] == first["files"]
    assert last["threads"] <= middle["threads"]
    assert last["memory_mb"] - middle["memory_mb"] < 20
    assert {name.partition(":")[0] for name in found["answers"]} >= {"search", "image", "explanation", *WRONG, "body", "answer", "silent"}
    assert not [name for name in found["answers"] if name.endswith(("500", "429"))]


@pytest.mark.slow
def test_a_training_is_flat(project: Small) -> None:
    project.edit("params/smoke/train.yaml", r"epochs: 2", "epochs: 20")
    project.edit("params/smoke/train.yaml", r"log_every: 3", "log_every: 3\nsave_seconds: 0")
    samples = watch_training(project.root, every=0.1)["samples"]
    first, last = samples[len(samples) // 4], samples[-len(samples) // 4]
    assert last["done"] - first["done"] > 100
    assert {sample["processes"] for sample in samples} == {1} and {sample["zombies"] for sample in samples} == {0}
    assert last["threads"] <= first["threads"] + 1
    assert last["memory_mb"] - first["memory_mb"] < 20
    assert figure_of({"train": {"samples": samples}}).axes


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc 2.33 says how much is in use")
def test_what_is_compiled_for_each_number_of_tokens_is_not_kept() -> None:
    script = """
import ctypes, sys, torch
from contextlib import suppress
from cada.cli import main
class Info(ctypes.Structure):
    _fields_ = [(f"field{place}", ctypes.c_size_t) for place in range(10)]
mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info
sys.argv = ["cada", "--help"]
with suppress(SystemExit):
    main()
def compiled(sizes):
    for size in sizes:
        torch.nn.functional.gelu(torch.zeros(size, 96, requires_grad=True)).sum().backward()
    return mallinfo().field7
before = compiled(range(300, 340))
print(compiled(range(400, 900)) - before)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert abs(int(done.stdout.split()[-1])) < 3_000_000
