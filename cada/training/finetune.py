"""Fine-tuning: the dual association on a data set's training persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from cada.compute import autocast
from cada.config import Augmentation, LossWeights, Optimisation, Switches
from cada.model.cada import Cada
from cada.retrieval.evaluation import Engine, Target, choose_weight, encode, query_values, retrieve
from cada.retrieval.metrics import summarise
from cada.training.batches import Batches, TrainingSet
from cada.training.loop import Progress, Validation, fit
from cada.training.objective import Batch, SpecialTokens, association_losses


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
    lookalikes = switches.batches == "lookalikes"
    sampler = training.sampler(optimisation.batch_size, seed=seed, by_length=padded_to is None, lookalikes=lookalikes)
    batches = Batches(training, sampler, augmentation, padded_to, "batch", engine.device)

    def losses_of(drawn: tuple[Batch, torch.Generator]) -> dict[str, Tensor]:
        batch, draw = drawn
        with autocast(engine.device, engine.precision):
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
        batches.at,
        losses_of,
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
