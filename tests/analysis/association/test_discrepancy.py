"""Agreement of two matrices by hand, and against scipy and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from cada.analysis.association.discrepancy import discrepancy, looks, rank_correlation


def test_looks_by_loops() -> None:
    random = np.random.default_rng(1)
    maps, coverage = random.random((3, 8)), random.random((4, 8))
    found = looks(maps, coverage)
    for phrase in range(3):
        for place in range(4):
            total = sum(maps[phrase, patch] / maps[phrase].mean() * coverage[place, patch] for patch in range(8))
            assert found[phrase, place] == pytest.approx(total / coverage[place].sum())
    assert looks(np.ones((1, 8)), coverage)[0] == pytest.approx(np.ones(4))
    assert looks(np.zeros((1, 8)), coverage)[0].tolist() == [0] * 4


def test_two_matrices_by_hand() -> None:
    """The first phrase is agreed on by all; the second looks at the first's region; the third's two directions choose different ones."""
    text = np.array([[5.0, 1, 0], [3, 2, 1], [0, 1, 2]])
    image = np.array([[4.0, 1, 0], [2, 1, 0], [0, 7, 1]])
    found = discrepancy(text, image)
    assert found["same"].tolist() == [1, 1, 0]
    assert found["mutual"].tolist() == [1, 0, 1]  # the third region predicts the third phrase best
    assert found["agreement"] == pytest.approx([1, 1, 0.5])


def test_rank_correlation() -> None:
    random = np.random.default_rng(2)
    for _ in range(10):
        one, other = random.integers(0, 4, (2, 7))
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert rank_correlation(np.ones(4), np.arange(4)) == 0
