"""Galleries and queries to features, shared out between processes by whole batches.

A batch holds the same rows whatever the number of processes, so that features have the same bits.
Legend: N pictures, n of them this process's, Q queries, P patches, D width, E common space.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cada.config.steps import Precision
from cada.datasets.images import normalise
from cada.datasets.loading import token_batch
from cada.errors import CadaError
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.runtime import distributed
from cada.runtime.compute import autocast, upload
from cada.runtime.prefetch import prefetched
from cada.storage.files import reserve


@dataclass(frozen=True)
class Gallery:
    """Unit features (N, E) of all pictures and, where they will be matched, the tokens (n, 1 + P, D) of those from `first` on."""

    features: Tensor
    tokens: Tensor | None
    batch_size: int
    first: int = 0

    def chunks(self) -> Iterator[tuple[int, Tensor]]:
        """This process's tokens batch by batch, as they were encoded: the number of the first picture, and (batch, 1 + P, D)."""
        assert self.tokens is not None, "this gallery was encoded without tokens"
        for start in tqdm(range(0, len(self.tokens), self.batch_size), desc="re-rank", disable=distributed.silent(), leave=False):
            yield self.first + start, self.tokens[start : start + self.batch_size]


@torch.inference_mode()
def encode_gallery(
    model: Cada,
    images: Tensor,
    *,
    batch_size: int,
    device: torch.device,
    precision: Precision = "fp32",
    keep_tokens: bool = True,
    memory_mb: int = 1024,
) -> Gallery:
    """Encode uint8 pictures (N, 3, H, W), which may lie on the disk.

    Two batches are in memory at a time, of which one is copied to a GPU while the other is encoded. Tokens stay in
    `device`'s memory up to `memory_mb`; more are kept in a file without a name in the folder of temporary files.
    Errors: `CadaError` where they do not fit there.
    """
    starts = range(0, len(images), batch_size)[distributed.own_rows(-(-len(images) // batch_size))]
    features = torch.zeros(len(images), model.image_projection.out_features)
    tokens = None
    with autocast(device, precision):
        batches = prefetched(lambda start: upload(images[start : start + batch_size], device), starts)
        for start, batch in zip(tqdm(starts, desc="gallery", disable=distributed.silent(), leave=False), batches, strict=True):
            hidden, projected = model.encode_images(normalise(batch))
            features[start : start + batch_size] = F.normalize(projected.float(), dim=-1).cpu()
            if keep_tokens:
                if tokens is None:
                    # what reads the tokens in bf16 rounds them in any case
                    kind = torch.bfloat16 if precision == "bf16" else torch.float32
                    tokens = token_store(
                        (len(images[starts.start : starts.stop]), *hidden.shape[1:]), kind, device=device, memory_mb=memory_mb
                    )
                tokens[start - starts.start : start - starts.start + len(hidden)] = hidden
    if keep_tokens and tokens is None:
        tokens = torch.empty(0, 0, 0)
    return Gallery(distributed.total(features), tokens, batch_size, starts.start)


@torch.inference_mode()
def encode_queries(
    model: Cada, captions: TokenizedCaptions, *, batch_size: int, device: torch.device, precision: Precision = "fp32"
) -> Tensor:
    """Unit features (Q, E) on the CPU; captions of like length go together, so that little is padding."""
    order = np.argsort(captions.lengths, kind="stable")
    starts = range(0, len(order), batch_size)[distributed.own_rows(-(-len(order) // batch_size))]
    features = torch.zeros(len(order), model.text_projection.out_features)
    with autocast(device, precision):
        for start in starts:
            rows = order[start : start + batch_size]
            batch = token_batch(captions, rows, padded_to=None)
            projected = model.encode_text(upload(batch.ids, device), upload(batch.mask, device))
            features[torch.from_numpy(rows)] = F.normalize(projected.float(), dim=-1).cpu()
    return distributed.total(features)


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
