"""What a training takes of the memory, as the operating system counts it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.steps.conftest import PREPARE, shrunk

# Over what the imports take: 800 alone and up to 870 beside other tests when this was written. It finds what takes much more, such
# as attention that keeps its matrices; that the activations of ATP are not kept is counted in tests/training/test_chunks.py.
CEILING_MB = 960
MEASURED = """
from resource import RUSAGE_SELF, getrusage
from cada.steps.train import train_variant
imports = getrusage(RUSAGE_SELF).ru_maxrss
train_variant('smoke', 'dual', 0)
print((getrusage(RUSAGE_SELF).ru_maxrss - imports) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other allocators, and other units of the largest resident set")
def test_a_training_of_the_default_sizes_stays_under_its_ceiling(tmp_path: Path) -> None:
    project = shrunk(tmp_path / "project")
    for name, pattern, text in (
        ("data", r"train: 16", "train: 48"),
        ("model", r"vision: .*", "vision: {width: 96, depth: 4, heads: 3, mlp: 192}"),
        ("model", r"text: .*", "text: {width: 96, depth: 2, heads: 3, mlp: 192}"),
        ("train", r"batch_size: 12", "batch_size: 128"),
    ):
        project.edit(f"params/smoke/{name}.yaml", pattern, text)
    project.run(PREPARE)
    process = project.start(MEASURED)
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert int(printed) < CEILING_MB
