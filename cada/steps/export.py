"""A model folder's weights as ONNX, for searches without torch."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from cada.errors import CadaError
from cada.export.backend import OnnxBackend
from cada.export.graphs import quantise, write_graphs
from cada.gallery.backend import EXPORT, GRAPHS, Backend, TorchBackend
from cada.gallery.release import Release
from cada.model.folder import load_model
from cada.storage.files import write_json

LEAST_COSINE = 0.9999  # of features in float32; int8 is a choice, whose loss docs/export.md has
TEXTS = ("a man", "a woman in a red coat with long hair and a black backpack, walking")


def export_model(model: Path, *, int8: bool) -> None:
    """Write onnx/ into a model folder, once the graphs were seen to give what torch gives. Errors: `CadaError` where they do not."""
    sha256 = Release.read(model).digest
    with tempfile.TemporaryDirectory(dir=model, prefix=".onnx-") as made:
        folder = Path(made)
        write_graphs(load_model(model), folder)
        agreement = compare(TorchBackend(model), OnnxBackend(model, folder))
        if agreement < LEAST_COSINE:
            raise CadaError(
                f"{model}: features by ONNX have a cosine of {agreement:.6f} with those by torch. This is a fault; nothing is written."
            )
        if int8:
            quantise(folder)
            agreement = compare(TorchBackend(model), OnnxBackend(model, folder))
        write_json(folder / EXPORT, {"weights_sha256": sha256, "precision": "int8" if int8 else "fp32"})
        shutil.rmtree(model / GRAPHS, ignore_errors=True)
        folder.chmod(model.stat().st_mode)
        folder.rename(model / GRAPHS)
        folder.mkdir()  # for the context to remove
    size = sum(path.stat().st_size for path in (model / GRAPHS).iterdir())
    print(f"{model / GRAPHS}: {size / 1e6:.1f} MB, {'int8' if int8 else 'fp32'}; smallest cosine with torch {agreement:.6f}")


def compare(one: Backend, other: Backend) -> float:
    """The smallest cosine between two backends' features of random images and of a few texts."""
    images = np.random.default_rng(0).integers(0, 256, (8, 3, *one.image_size), dtype=np.uint8)
    pairs = ((one.encode_images(images)[0], other.encode_images(images)[0]), (one.encode_texts(TEXTS), other.encode_texts(TEXTS)))
    return min(float((mine * others).sum(axis=1).min()) for mine, others in pairs)
