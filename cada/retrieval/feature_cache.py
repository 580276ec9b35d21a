"""Features kept on the disk under the content of all that made them.

Legend: N images or captions, E common space.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cada.errors import CadaError
from cada.runtime import distributed
from cada.storage.cache import Cache


@dataclass(frozen=True)
class FeatureCache:
    """`maker` names the model, the code and the way they compute; inputs are added by their content."""

    cache: Cache
    maker: str

    def features(self, inputs: tuple[np.ndarray, ...], make: Callable[[], Tensor]) -> Tensor:
        """The features (N, E) that `make` gives for `inputs`, read from the cache where it has them.

        Several processes read them together or make them together.
        """
        key = hashlib.sha256(self.maker.encode())
        for array in inputs:
            key.update(f"{array.shape} {array.dtype}".encode())
            key.update(np.ascontiguousarray(array).data)
        name = f"features/{key.hexdigest()[:32]}.npy"
        found = self.cache.find(name, np.load)
        if distributed.total(torch.tensor(int(found is not None))) == distributed.size():
            return torch.from_numpy(found)
        features = make()
        if distributed.is_first():
            try:
                self.cache.store(name, features.nbytes, lambda path: _write(path, features.numpy()))
            except CadaError as error:  # what was computed is there all the same
                print(f"features are not kept: {error}", file=sys.stderr)
        return features


def _write(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array)
