"""Galleries and queries to features, shared out between processes by whole batches.

A batch holds the same rows whatever the number of processes, so that features have the same bits.
Legend: N images, n of them this process's, Q queries, P patches, I width of image tokens, E common space.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cada.datasets.images import normalise
from cada.datasets.loading import token_batch
from cada.errors import CadaError
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.feature_cache import FeatureCache
from cada.runtime import distributed
from cada.runtime.compute import autocast, upload, uploaded
from cada.storage.files import reserve

if TYPE_CHECKING:
    from cada.config.steps import Precision


@dataclass(frozen=True)
class Engine:
    """How retrieval runs; `top_k` = None stops at the cosine.

    `memory_mb` bounds, beside the images of a batch and the rankings, what grows with galleries and queries: half for
    image tokens (more go to the disk), half for the second stage. `cache` keeps the features of finished models.
    """

    top_k: int | None = None
    batch_size: int = 64
    precision: Precision = "fp32"
    memory_mb: int = 2048
    cache: FeatureCache | None = None


@dataclass(frozen=True)
class Gallery:
    """Unit features (N, E) of all images and, where they will be matched, the tokens (n, 1 + P, I) of those from `first` on."""

    features: Tensor
    tokens: Tensor | None
    batch_size: int
    first: int = 0

    def chunks(self) -> Iterator[tuple[int, Tensor]]:
        """This process's tokens batch by batch, as they were encoded: the number of the first image, and (batch, 1 + P, I).

        Errors: `ValueError` where the gallery was encoded to be ranked by the cosine alone.
        """
        if self.tokens is None:
            raise ValueError("this gallery has no image tokens. Encode it by an Engine with top_k.")
        for start in tqdm(range(0, len(self.tokens), self.batch_size), desc="re-rank", disable=distributed.silent(), leave=False):
            yield self.first + start, self.tokens[start : start + self.batch_size]


def encode_gallery(model: Cada, images: Tensor, engine: Engine) -> Gallery:
    """Encode uint8 images (N, 3, height, width), which may lie on the disk, of the size that the model has been built for.

    Two batches are in memory at a time, of which one is copied to a GPU while the other is encoded. Tokens stay in the memory of
    the model's device up to half of `engine.memory_mb`; more are kept in a file without a name in the folder of temporary files.
    Errors: `ValueError` for images of another kind or size; `CadaError` where tokens do not fit into that folder.
    """
    size = model.architecture.image_size
    if images.dtype != torch.uint8 or images.shape[1:] != (3, *size):
        raise ValueError(
            f"images: they are {images.dtype} {tuple(images.shape)}, the model reads torch.uint8 (N, 3, {size[0]}, {size[1]})."
        )
    if engine.cache is None or engine.top_k is not None:
        return _encode_gallery(model, images, engine)
    features = engine.cache.features((images.numpy(),), lambda: _encode_gallery(model, images, engine).features)
    return Gallery(features, None, engine.batch_size)


@torch.inference_mode()
def _encode_gallery(model: Cada, images: Tensor, engine: Engine) -> Gallery:
    device, batch_size = model.device, engine.batch_size
    starts = range(0, len(images), batch_size)[distributed.own_rows(-(-len(images) // batch_size))]
    features = torch.zeros(len(images), model.architecture.projection, device=device)
    tokens = None if engine.top_k is None else torch.empty(0, 0, 0)
    with autocast(device, engine.precision):
        batches = uploaded(lambda start: upload(images[start : start + batch_size], device), starts, device)
        for start, batch in zip(tqdm(starts, desc="gallery", disable=distributed.silent(), leave=False), batches, strict=True):
            hidden, projected = model.encode_images(normalise(batch))
            features[start : start + batch_size] = F.normalize(projected.float(), dim=-1)
            if tokens is not None:
                if start == starts.start:
                    # what reads the tokens in bf16 rounds them in any case
                    kind = torch.bfloat16 if engine.precision == "bf16" else torch.float32
                    shape = (len(images[starts.start : starts.stop]), *hidden.shape[1:])
                    tokens = token_store(shape, kind, device=device, memory_mb=engine.memory_mb // 2)
                tokens[start - starts.start : start - starts.start + len(hidden)] = hidden
    return Gallery(distributed.total(features).cpu(), tokens, batch_size, starts.start)


def encode_queries(model: Cada, captions: TokenizedCaptions, engine: Engine) -> Tensor:
    """Unit features (Q, E) on the CPU; captions of like length go together, so that little is padding."""
    if engine.cache is None:
        return _encode_queries(model, captions, engine)
    return engine.cache.features((captions.ids, captions.lengths), lambda: _encode_queries(model, captions, engine))


@torch.inference_mode()
def _encode_queries(model: Cada, captions: TokenizedCaptions, engine: Engine) -> Tensor:
    device, order = model.device, np.argsort(captions.lengths, kind="stable")
    starts = range(0, len(order), engine.batch_size)[distributed.own_rows(-(-len(order) // engine.batch_size))]
    features = torch.zeros(len(order), model.architecture.projection, device=device)
    with autocast(device, engine.precision):
        for start in starts:
            rows = order[start : start + engine.batch_size]
            batch = token_batch(captions, rows, padded_to=None)
            projected = model.encode_text(upload(batch.ids, device), upload(batch.mask, device))
            features[upload(torch.from_numpy(rows), device)] = F.normalize(projected.float(), dim=-1)
    return distributed.total(features).cpu()


def token_store(shape: tuple[int, ...], kind: torch.dtype, *, device: torch.device, memory_mb: int) -> Tensor:
    """Room for tokens: in `device`'s memory up to `memory_mb`, else in a file that goes when the tensor goes."""
    count = int(np.prod(shape, dtype=np.int64))
    size = count * kind.itemsize
    if size <= memory_mb * 2**20:
        return torch.empty(shape, dtype=kind, device=device)
    with tempfile.NamedTemporaryFile(prefix="cada-tokens-") as file:
        try:
            file.truncate(size)
            reserve(Path(file.name))
        except OSError as error:
            raise CadaError(
                f"{tempfile.gettempdir()}: {size / 1e9:.1f} GB of image tokens do not fit ({error}). Name a larger folder in TMPDIR."
            ) from error
        return torch.from_file(file.name, shared=True, size=count, dtype=kind).view(shape)
