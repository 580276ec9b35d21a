"""The benchmark of precisions: in float32 every way gives one ranking."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from benchmarks.precision import WAYS, compare, first_images
from benchmarks.search import MODEL
from cada.datasets.loading import Split
from cada.gallery import Index


def test_onnx_ranks_as_torch_does(drawn: Path, tmp_path: Path) -> None:
    paths = tuple(sorted((drawn / "imgs" / "test").rglob("*.jpg")))
    persons = np.array([int(path.stem.split("_")[0]) for path in paths])
    split = Split(paths, tuple(path.name for path in paths), persons, ("A man in a red jacket.",), np.array([0]), np.array([0]))
    found = compare(MODEL, split)
    assert {f"{way}_{what}" for way in WAYS for what in ("R1_percent", "R10_percent", "same_first_ten_percent")} == found.keys()
    assert found["onnx_same_first_ten_percent"] == found["torch_same_first_ten_percent"] == 100
    for place, path in enumerate(paths):
        shutil.copyfile(path, tmp_path / f"{place:06}.jpg")
    index = Index.create(tmp_path / "gallery", MODEL)
    index.add(tmp_path)
    (ranked,) = first_images(index, split)
    assert ranked.tolist() == [int(Path(hit.path).stem) for hit in index.search(split.captions[0], k=10)]
