"""The approximate first stage: what it finds of the exact one, and what was added or removed after it was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cada.errors import CadaError
from cada.gallery import Index
from cada.gallery.approximate import build, opened
from cada.gallery.features import Features

WIDTH = 16


def clustered(count: int, seed: int) -> np.ndarray:
    """Unit features in groups, as images of persons are."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(200, WIDTH))
    rows = centres[draw.integers(200, size=count)] + 0.3 * draw.normal(size=(count, WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def nearest(features: np.ndarray, query: np.ndarray, rows: np.ndarray) -> set[int]:
    return set(rows[np.argsort(-(features[rows] @ query), kind="stable")[:10]].tolist())


def test_it_finds_nearly_all_that_is_nearest_and_all_that_is_new(tmp_path: Path) -> None:
    features = clustered(12_000, seed=0)
    build(tmp_path, Features(features[:11_000]))
    near = opened(tmp_path)
    assert near is not None
    rows = np.delete(np.arange(12_000), np.arange(0, 11_000, 7))  # a seventh of the old ones was removed
    found, wanted = 0, 0
    for query in features[5:12_000:240]:
        given = near.first(query, rows, 10)
        assert (np.diff(given) > 0).all()
        assert set(range(11_000, 12_000)) <= set(given.tolist()) <= set(rows.tolist())
        exact = nearest(features, query, rows)
        found, wanted = found + len(exact & nearest(features, query, given)), wanted + 10
    assert found > 0.97 * wanted


def test_where_the_lists_hold_too_few_all_are_compared(tmp_path: Path) -> None:
    features = clustered(12_000, seed=0)
    near = build(tmp_path, Features(features))
    few = np.arange(0, 12_000, 400)  # nearly all were removed
    assert near.first(features[3], few, 25).tolist() == few.tolist()


def test_an_index_searches_by_it_once_it_is_made(index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CadaError, match="10,000"):
        index.approximate()
    exact = [hit.path for hit in index.search("a man in a red coat", k=24)]
    monkeypatch.setattr("cada.gallery.approximate.LEAST", 10)
    index.approximate()
    (near,) = [opened(index.folder)]
    assert near is not None
    assert near.count == 24
    for searched in (index, Index.open(index.folder)):
        assert [hit.path for hit in searched.search("a man in a red coat", k=24)] == exact  # it looks into all of so few lists
    removed, *_ = sorted(photos.glob("*.jpg"))
    removed.unlink()
    index.add(photos)
    assert [hit.path for hit in index.search("a man in a red coat", k=24)] == [path for path in exact if path != str(removed)]


def test_a_damaged_one_is_named(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cada.gallery.approximate.LEAST", 10)
    index.approximate()
    (index.folder / "features.faiss").write_bytes(b"no lists")
    with pytest.raises(CadaError, match=r"features\.faiss"):
        Index.open(index.folder).search("a man")
