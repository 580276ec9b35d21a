"""A model and a set so small that a training step takes milliseconds; plain functions, so that other processes can call them."""

from __future__ import annotations

import numpy as np
import torch

from cada.config import Architecture, Augmentation, Optimisation, TrainSettings, Transformer, load_procedure
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import Engine
from cada.retrieval.search import Target
from cada.training.batches import TrainingSet
from cada.training.objective import Batch, Encoded, encode_batch
from tests.words import tokenizer_of

VOCABULARY = 41
SIZES = Transformer(width=24, depth=2, heads=2, mlp=48)
PUBLISHED, ROBUST = (load_procedure(name).switches for name in ("published", "robust"))
WEIGHTS = {"global": 1.0, "atp": 1.0, "ara": 0.1}


def tiny_settings(
    optimisation: Optimisation, augmentation: Augmentation, *, log_every: int = 2, save_seconds: float = 0.0
) -> TrainSettings:
    return TrainSettings.model_validate(
        {
            "optimisation": optimisation,
            "augmentation": augmentation,
            "compute": {"device": "cpu", "threads": 1},
            "validation": {"top_k": 4, "batch_size": 16, "fusion_weights": [0.0, 1.0, 10.0]},
            "log_every": log_every,
            "save_seconds": save_seconds,
        }
    )


def tiny_encoded(model: Cada, batch: Batch, generator: torch.Generator, *, micro_batch: int | None = None) -> Encoded:
    return encode_batch(model, batch, generator=generator, micro_batch=micro_batch)


def tiny_architecture(dropout: float = 0.1) -> Architecture:
    return Architecture(
        image_size=(32, 16),
        patch_size=(8, 8),
        vision=SIZES,
        text=SIZES,
        projection=12,
        max_tokens=15,
        positions=15,
        dropout=dropout,
    )


def tiny_model(dropout: float = 0.1) -> Cada:
    torch.manual_seed(0)
    return Cada(tiny_architecture(dropout), tokenizer_of(VOCABULARY))


def tiny_training() -> TrainingSet:
    """12 images of 6 persons, two captions each, with three groups of tokens."""
    generator = np.random.default_rng(1)
    images = torch.from_numpy(generator.integers(0, 256, (12, 3, 32, 16), dtype=np.uint8))
    lengths = generator.integers(8, 15, 24).astype(np.int32)
    ids, groups = np.zeros((24, 14), dtype=np.int32), np.full((24, 14), -1, dtype=np.int16)
    for row, length in enumerate(lengths):
        ids[row, :length] = generator.integers(5, 40, length)
        groups[row, 1:3], groups[row, 3], groups[row, 5:7] = 0, 1, 2
    captions = TokenizedCaptions(ids, lengths, np.zeros_like(ids), np.zeros_like(ids))
    caption_image = np.repeat(np.arange(12), 2)
    return TrainingSet(images, captions, caption_image, caption_image // 2, groups)


def tiny_target(training: TrainingSet) -> Target:
    return Target(training.images, np.arange(12) // 2, training.captions, training.caption_persons)


def tiny_engine() -> Engine:
    return Engine(top_k=4, batch_size=16)
