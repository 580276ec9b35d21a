"""What holds for every test."""

import os

import pytest

# The workers of pytest-xdist share the cores, and two threads on one core wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A test that draws numbers draws the same ones every time."""
    import torch  # behind OMP_NUM_THREADS, which it reads once

    torch.manual_seed(0)
