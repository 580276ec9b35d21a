"""What an index needs of a model, and the model by torch. The same by onnxruntime is in `cada.export`.

Legend: n images, S tokens of an image, I wide; E common space; T texts, K candidates each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from cada.errors import CadaError
from cada.gallery.options import Runtime
from cada.model.tokenizer import Tokenizer
from cada.storage.files import read_object

GRAPHS, EXPORT = "onnx", "export.json"  # a folder beside the weights, and what it is of
TokenChunks = Iterable[tuple[int, np.ndarray]]  # the number of a chunk's first image, and its tokens (n, S, I)


class Backend(Protocol):
    """A model that encodes images and texts and matches them. Arrays are float32 but for images."""

    image_size: tuple[int, int]  # (height, width) that images are resized to
    width: int  # E
    token_shape: tuple[int, int]  # (S, I)
    tokenizer: Tokenizer

    def encode_images(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 images (n, 3, height, width) to unit features (n, E) and tokens (n, S, I)."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unit features (T, E)."""
        ...

    def match(self, texts: Sequence[str], candidates: np.ndarray, chunks: TokenChunks) -> np.ndarray:
        """Match logits (T, K, 2), class 1 = match, of each text with the images `candidates` (T, K), numbered as in `chunks`."""
        ...


class TorchBackend:
    """A model folder by torch, on a GPU where there is one."""

    def __init__(self, folder: Path) -> None:
        import torch

        from cada.model.folder import load_model
        from cada.model.positions import grid_of

        self.model = load_model(folder).to("cuda" if torch.cuda.is_available() else "cpu")
        architecture, self.tokenizer = self.model.architecture, self.model.tokenizer
        self.image_size, self.width = architecture.image_size, architecture.projection
        rows, columns = grid_of(architecture.image_size, architecture.patch_size)
        self.token_shape = (1 + rows * columns, architecture.vision.width)

    def encode_images(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As in `Backend`."""
        import torch
        from torch.nn import functional as F

        from cada.datasets.images import normalise
        from cada.runtime.compute import autocast

        with torch.inference_mode(), autocast(self.model.device, "fp32"):  # torch lets CUDA's convolutions round
            tokens, projected = self.model.encode_images(normalise(torch.from_numpy(images).to(self.model.device)))
            return F.normalize(projected, dim=-1).cpu().numpy(), tokens.cpu().numpy()

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """As in `Backend`."""
        from cada.retrieval.encoding import Engine, encode_queries

        return encode_queries(self.model, self.tokenizer(list(texts)), Engine()).numpy()

    def match(self, texts: Sequence[str], candidates: np.ndarray, chunks: TokenChunks) -> np.ndarray:
        """As in `Backend`."""
        import torch

        from cada.retrieval.reranking import match_logits
        from cada.retrieval.search import read_with_image

        return match_logits(
            self.model.text_encoder.bert,
            self.model.match_head,
            captions=read_with_image(self.model, self.tokenizer(list(texts))),
            candidates=candidates,
            image_tokens=((first, torch.from_numpy(tokens)) for first, tokens in chunks),
        ).numpy()


def open_backend(folder: Path, sha256: str, *, runtime: Runtime | None = None) -> Backend:
    """The model of a folder whose weights have the SHA-256: by onnxruntime where it was exported, unless torch is asked for.

    Errors: `CadaError` where it is missing or damaged, or the export is of other weights.
    """
    graphs = folder / GRAPHS
    if runtime == "torch" or (runtime is None and not (graphs / EXPORT).is_file()):
        return TorchBackend(folder)
    again = f"Make it: cada export {folder}"
    if not (graphs / EXPORT).is_file() or read_object(graphs / EXPORT, again=again, weights_sha256=str)["weights_sha256"] != sha256:
        raise CadaError(f"{graphs}: there is no export of the weights beside it. {again}")
    from cada.export.backend import OnnxBackend

    return OnnxBackend(folder, graphs)
