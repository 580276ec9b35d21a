"""The benchmark of large galleries runs, and its recall is that of plain sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.scale import PROBED, WANTED, mean_recall, recall, times
from benchmarks.search import MODEL, filled


def test_every_number_is_there() -> None:
    found = times(10_000, rounds=1)
    assert {f"{way}_{what}" for way in ("exact", "approximate") for what in ("median_ms", "p99_ms", "memory_mb")} <= found.keys()
    assert all(value > 0 for value in found.values())


def test_more_lists_find_more(tmp_path: Path) -> None:
    filled(tmp_path / "gallery", MODEL, 10_000, tokens="none")
    found = recall(tmp_path / "gallery")
    for count in WANTED:
        shares = [found[f"{probes}_lists_recall_at_{count}"] for probes in PROBED]
        assert shares == sorted(shares) and shares[-1] == pytest.approx(100), "128 lists are all of them"


def test_recall_is_the_share_that_is_given() -> None:
    assert mean_recall([np.array([1, 2, 9]), np.array([5])], [np.array([1, 2]), np.array([6, 5])]) == 75
