"""Galleries and queries to features.

Legend: N pictures, Q queries, P patches, D width, E common space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from cada.data.images import normalise
from cada.data.loading import token_batch
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions


@dataclass(frozen=True)
class Gallery:
    """Image tokens (N, 1 + P, D) and unit features (N, E), on the CPU."""

    tokens: Tensor
    features: Tensor


@torch.inference_mode()
def encode_gallery(model: Cada, images: Tensor, *, batch_size: int, device: torch.device) -> Gallery:
    """Encode uint8 pictures (N, 3, H, W)."""
    tokens, features = [], []
    for part in tqdm(images.split(batch_size), desc="gallery", disable=None, leave=False):
        hidden, projected = model.encode_images(normalise(part.to(device)))
        tokens.append(hidden.cpu())
        features.append(F.normalize(projected, dim=-1).cpu())
    return Gallery(torch.cat(tokens), torch.cat(features))


@torch.inference_mode()
def encode_queries(model: Cada, captions: TokenizedCaptions, *, batch_size: int, padded_to: int | None, device: torch.device) -> Tensor:
    """Unit features (Q, E) on the CPU; captions of like length go together, so that little is padding."""
    order = np.argsort(captions.lengths, kind="stable")
    parts = []
    for start in range(0, len(order), batch_size):
        batch = token_batch(captions, order[start : start + batch_size], padded_to=padded_to).to(device)
        parts.append(F.normalize(model.encode_text(batch.ids, batch.mask), dim=-1).cpu())
    features = torch.empty(len(order), parts[0].shape[1])
    features[torch.from_numpy(order)] = torch.cat(parts)
    return features
