"""What holds for every test."""

import os

import pytest
from hypothesis import settings

# The workers of pytest-xdist share the cores, and two threads on one core wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hypothesis too draws the same examples every time, and no test depends on how busy the machine is.
settings.register_profile("project", derandomize=True, database=None, deadline=None)
settings.load_profile("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests first: the last of several workers shall not start with one of minutes when the others have ended."""
    longest = ("test_story", "test_train.py", "test_graphs")
    items.sort(key=lambda item: next((place for place, name in enumerate(longest) if name in item.nodeid), len(longest)))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A test that draws numbers draws the same ones every time."""
    import torch  # behind OMP_NUM_THREADS, which it reads once

    torch.manual_seed(0)
