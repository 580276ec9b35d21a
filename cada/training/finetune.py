"""Fine-tuning: the dual association on a data set's training persons.

Legend: N pictures, Q captions, B batch, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cada import distributed
from cada.compute import autocast
from cada.config import Augmentation, LossWeights, Optimisation, Switches
from cada.data.images import augment, draw_changes
from cada.data.loading import Split, batch_rows, token_batch
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.retrieval.evaluation import Engine, Target, choose_weight, encode, query_values, retrieve
from cada.retrieval.metrics import summarise
from cada.training.loop import Progress, Validation, fit
from cada.training.objective import Batch, SpecialTokens, association_losses
from cada.training.seeds import generator


@dataclass(frozen=True)
class TrainingSet:
    """Pairs to learn from: uint8 pictures (N, 3, H, W); captions (Q) with their picture, person and attribute groups."""

    images: Tensor
    captions: TokenizedCaptions
    caption_image: np.ndarray  # (Q,)
    caption_persons: np.ndarray  # (Q,)
    groups: np.ndarray | None  # (Q, L)

    def with_groups(self, groups: np.ndarray) -> TrainingSet:
        """The same pairs with their attribute groups."""
        return replace(self, groups=groups)

    def batch(
        self, rows: np.ndarray, *, augmentation: Augmentation, padded_to: int | None, draw: torch.Generator, device: torch.device
    ) -> Batch:
        """The pairs `rows` (B) on `device`: all captions, and this process's pictures, augmented as drawn for the whole batch."""
        own = distributed.own_rows(len(rows))
        size = (self.images.shape[2], self.images.shape[3])
        changes = draw_changes(len(rows), size, flip=augmentation.flip, pad=augmentation.pad, erase=augmentation.erase, generator=draw)
        images = self.images[torch.from_numpy(self.caption_image[rows[own]])].to(device)
        captions = token_batch(self.captions, rows, padded_to=padded_to, groups=self.groups).to(device)
        return Batch(augment(images, changes.take(own)), captions, torch.from_numpy(self.caption_persons[rows]).to(device))


def training_set(split: Split, images: Tensor, tokenizer: Tokenizer) -> TrainingSet:
    """The split's pictures (N, 3, H, W) and its captions; no attribute groups yet."""
    return TrainingSet(images, tokenizer(split.captions), split.caption_image, split.caption_persons, None)


def finetune(
    model: Cada,
    training: TrainingSet,
    target: Target,
    *,
    optimisation: Optimisation,
    augmentation: Augmentation,
    weights: LossWeights,
    switches: Switches,
    special: SpecialTokens,
    engine: Engine,
    fusion_weights: Sequence[float],
    padded_to: int | None,
    seed: int,
    log_every: int,
    save_seconds: float,
    state: Path,
    report: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> Progress:
    """Train under one variant; after each epoch the model is scored on `target` by the rule of `switches.selection`.

    `padded_to` is the length that captions are padded to in training, or None for their batch's longest.
    """
    device = engine.device
    lengths = None if padded_to else training.captions.lengths

    def losses_at(step: int) -> dict[str, Tensor]:
        rows = batch_rows(len(training.captions), optimisation.batch_size, step, seed=seed, lengths=lengths)
        draw = generator(seed, "batch", step)
        batch = training.batch(rows, augmentation=augmentation, padded_to=padded_to, draw=draw, device=device)
        with autocast(device, engine.precision):
            return association_losses(
                model,
                batch,
                weights=weights,
                switches=switches,
                special=special,
                generator=draw,
                micro_batch=optimisation.micro_batch_size,
            )

    return fit(
        model,
        losses_at,
        optimisation=optimisation,
        samples=len(training.captions),
        seed=seed,
        log_every=log_every,
        save_seconds=save_seconds,
        state=state,
        validate=lambda: validation(model, target, engine=engine, switches=switches, fusion_weights=fusion_weights),
        report=report,
    )


def validation(model: Cada, target: Target, *, engine: Engine, switches: Switches, fusion_weights: Sequence[float]) -> Validation:
    """Score a model while it trains: the headline ranking's metrics and the score that chooses the checkpoint.

    On val the score is mAP; on test, the published rule, it is (R1 + R5 + R10) / 3 + mAP.
    """
    gallery, queries = encode(model, target, engine)
    retrieved = retrieve(model, gallery, queries, target.captions, engine)
    persons = (target.caption_persons, target.image_persons)
    fusion = switches.fusion if engine.top_k else "cosine"
    weight = choose_weight(retrieved, *persons, fusion_weights) if fusion == "calibrated" else None
    scores = summarise(query_values(retrieved, *persons, fusion, weight))
    score = scores["mAP"]
    if switches.selection == "test":
        score += (scores["R1"] + scores["R5"] + scores["R10"]) / 3
    return Validation(score, {f"{switches.selection}_{name}": value for name, value in scores.items()})
