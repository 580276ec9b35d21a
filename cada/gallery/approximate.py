"""The first stage of millions of images by an approximate index: faiss' inverted lists over the features, made when it is asked for.

The features are parted into lists by their nearest of some thousand centres, and a query looks into the lists of its nearest centres.
Images that were added since are compared exactly, so nothing new is missed. Legend: N rows, E common space.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cada.errors import CadaError
from cada.gallery.features import Features
from cada.storage.files import atomic, read_object, write_json, writing

NAME, FACTS = "features.faiss", "features.faiss.json"
_AGAIN = "Delete it, or make it again."
LEAST = 10_000  # rows: fewer are compared exactly in milliseconds
TRAINED = 64  # features for each centre that the centres are found from
AT_ONCE = 65_536
PROBES = 32  # lists that a query looks into
MARGIN = 4  # times as many are looked up as are wanted, and compared exactly


@dataclass(frozen=True)
class Approximate:
    """An approximate index of the first `count` rows. probes: lists that a query looks into."""

    count: int
    lists: Any  # faiss' index
    probes: int = PROBES

    def first(self, query: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
        """Among `rows`, ascending, those that may be the `count` nearest to `query` (E,), and all that are newer, ascending.

        Where the lists hold fewer than `count`, all rows: they are compared exactly then.
        """
        self.lists.nprobe = self.probes
        _, found = self.lists.search(np.ascontiguousarray(query[None], np.float32), MARGIN * count)
        near, newer = np.unique(found[found >= 0]), rows[np.searchsorted(rows, self.count) :]
        there = np.searchsorted(rows, near)  # what was removed since is still in the lists
        candidates = np.concatenate([near[rows[np.minimum(there, len(rows) - 1)] == near], newer])
        return candidates if len(candidates) >= count else rows


def build(folder: Path, features: Features) -> Approximate:
    """Make the approximate index of all `features` (N, E) and write it into `folder`. Errors: `CadaError` for fewer than LEAST rows."""
    import faiss

    count, width = features.values.shape
    if count < LEAST:
        raise CadaError(f"{folder}: it has {count:,} images. Below {LEAST:,} an approximate index makes nothing faster.")
    lists = round(count**0.5)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(width), width, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    sample = np.sort(np.random.default_rng(0).choice(count, min(count, TRAINED * lists), replace=False))
    index.train(features.values[sample].astype(np.float32))
    for start in range(0, count, AT_ONCE):
        index.add(features.values[start : start + AT_ONCE].astype(np.float32))
    with atomic(folder / NAME) as partial, writing(folder / NAME, RuntimeError):
        faiss.write_index(index, os.fspath(partial))
    write_json(folder / FACTS, {"rows": count, "lists": lists})
    return Approximate(count, index)


def opened(folder: Path) -> Approximate | None:
    """That of a folder, mapped into memory; None where none was made. Errors: `CadaError` where it cannot be read."""
    if not (folder / FACTS).is_file():
        return None
    import faiss

    try:
        return Approximate(
            read_object(folder / FACTS, again=_AGAIN, rows=int)["rows"], faiss.read_index(os.fspath(folder / NAME), faiss.IO_FLAG_MMAP)
        )
    except RuntimeError as error:
        raise CadaError(f"{folder / NAME}: cannot be read ({str(error).splitlines()[0]}). {_AGAIN}") from error
