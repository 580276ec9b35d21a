"""A model, images and captions for retrieval, in milliseconds; plain functions, so that other processes can call them."""

from __future__ import annotations

import numpy as np
import torch

from cada.config import Architecture, Transformer
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from tests.words import tokenizer_of

ENC = 40
CPU = torch.device("cpu")


def tiny_model(depth: int = 2) -> Cada:
    torch.manual_seed(0)
    architecture = Architecture(
        image_size=(32, 16),
        patch_size=(8, 8),
        vision=Transformer(width=24, depth=1, heads=2, mlp=48),
        text=Transformer(width=24, depth=depth, heads=2, mlp=48),
        projection=12,
        max_tokens=20,
        positions=20,
    )
    model = Cada(architecture, tokenizer_of(ENC + 1))
    for parameter in model.parameters():  # larger than the initial ones, so that scores differ
        if parameter.ndim > 1:
            parameter.data.mul_(2)
    return model.eval()


def tiny_images(count: int = 17) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 32, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def tiny_captions(count: int = 11) -> TokenizedCaptions:
    generator = np.random.default_rng(2)
    lengths = generator.integers(3, 15, count).astype(np.int32)
    ids = np.zeros((count, 14), dtype=np.int32)
    for row, length in enumerate(lengths):
        ids[row, :length] = generator.integers(5, ENC, length)
    return TokenizedCaptions(ids, lengths, np.zeros_like(ids), np.zeros_like(ids))
