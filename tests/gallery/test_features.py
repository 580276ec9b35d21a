"""Features of large galleries stay float16 on the disk and are compared as if they were in memory; their files are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cada.gallery import features
from cada.gallery.features import Column, Features
from tests.messages import refused


@pytest.mark.parametrize("rows", [np.arange(50), np.arange(3, 50, 2), np.array([49, 7])], ids=["all", "many", "few"])
@pytest.mark.parametrize("resident", [0, 2**20])
def test_cosines_are_those_of_float32(rows: np.ndarray, resident: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "RESIDENT", resident)
    monkeypatch.setattr(features, "AT_ONCE", 7)
    draw = np.random.default_rng(0)
    stored, query = draw.normal(size=(50, 16)).astype(np.float16), draw.normal(size=16).astype(np.float32)
    found = Features.of(stored)
    assert found.values.dtype == (np.float32 if resident else np.float16)
    scores = found.scores(query, rows)
    assert scores.dtype == np.float32
    assert scores.tolist() == pytest.approx([sum(map(float, stored[row] * query)) for row in rows], abs=1e-5)


def test_a_file_that_is_missing_or_too_short_is_named(tmp_path: Path) -> None:
    column = Column(tmp_path / "features.bin", (4,), np.float16)
    with refused("features.bin", "cannot be read"):
        column.read(2)
    column.path.write_bytes(bytes(column.row_bytes))
    assert column.read(1).shape == (1, 4)
    with refused("features.bin", "cannot be read"):
        column.read(2)
