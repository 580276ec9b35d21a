"""What a training learns from, and its batches.

Legend: N images, Q captions, B batch, L tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from cada.datasets.images import augment, draw_changes
from cada.datasets.loading import Split, token_batch
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.runtime import compute, distributed
from cada.runtime.compute import upload
from cada.training.objective import Batch
from cada.training.sampling import Lookalikes, Sampler
from cada.training.seeds import generator

if TYPE_CHECKING:
    from cada.config import Augmentation

ALIGNED = 8  # tokens: masks of other lengths are copied before a GPU attends, and each length of a caption has kernels of its own


@dataclass(frozen=True)
class TrainingSet:
    """Pairs to learn from: uint8 images (N, 3, H, W); captions (Q) with their image, person and attribute groups."""

    images: Tensor
    captions: TokenizedCaptions
    caption_image: np.ndarray  # (Q,)
    caption_persons: np.ndarray  # (Q,)
    groups: np.ndarray | None  # (Q, L)

    def with_groups(self, groups: np.ndarray) -> TrainingSet:
        """The same pairs with their attribute groups."""
        return replace(self, groups=groups)

    def sampler(self, batch_size: int, *, seed: int, by_length: bool, lookalikes: Lookalikes | None = None) -> Sampler:
        """What cuts the captions into batches: of like length `by_length`, and with their persons' look-alikes."""
        return Sampler(len(self.captions), batch_size, seed, self.captions.lengths if by_length else None, lookalikes)

    def batch(
        self, rows: np.ndarray, *, augmentation: Augmentation, padded_to: int | None, draw: torch.Generator, device: torch.device
    ) -> Batch:
        """The pairs `rows` (B) on `device`: all captions, and this process's images, augmented as drawn for the whole batch."""
        own = distributed.own_rows(len(rows))
        size = (self.images.shape[2], self.images.shape[3])
        changes = draw_changes(len(rows), size, flip=augmentation.flip, pad=augmentation.pad, erase=augmentation.erase, generator=draw)
        images = augment(self.images[torch.from_numpy(self.caption_image[rows[own]])], changes.take(own))
        multiple = ALIGNED if compute.few_calls(device) else 1
        captions = token_batch(self.captions, rows, padded_to=padded_to, multiple=multiple, groups=self.groups).to(device)
        persons = torch.from_numpy(self.caption_persons[rows])
        return Batch(upload(images, device), captions, persons)


def training_set(split: Split, images: Tensor, tokenizer: Tokenizer) -> TrainingSet:
    """The split's images (N, 3, H, W) and its captions; no attribute groups yet."""
    return TrainingSet(images, tokenizer(split.captions), split.caption_image, split.caption_persons, None)


@dataclass(frozen=True)
class Batches:
    """The batches of one training, each a function of the sampler's seed, `purpose` and the step alone.

    `padded_to` is the length that captions are padded to; with None they are padded to their batch's longest.
    """

    training: TrainingSet
    sampler: Sampler
    augmentation: Augmentation
    padded_to: int | None
    purpose: str
    device: torch.device

    def at(self, step: int) -> tuple[Batch, torch.Generator]:
        """The batch of `step`, and the generator that draws whatever else the step needs."""
        draw = generator(self.sampler.seed, self.purpose, step)
        rows = self.sampler.rows(step)
        batch = self.training.batch(rows, augmentation=self.augmentation, padded_to=self.padded_to, draw=draw, device=self.device)
        return batch, draw
