"""Fine-tuning: the dual association on a data set's training persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cada.model.cada import Cada
from cada.retrieval.encoding import Engine
from cada.retrieval.metrics import published_score
from cada.retrieval.search import Search, Target
from cada.runtime.compute import autocast
from cada.runtime.memory import release_free_memory
from cada.training.batches import Batches, TrainingSet
from cada.training.loop import Progress, Validation, fit
from cada.training.objective import Batch, association_losses, encode_batch
from cada.training.sampling import find_lookalikes

if TYPE_CHECKING:
    from cada.config import Switches, TrainSettings


def finetune(
    model: Cada,
    training: TrainingSet,
    target: Target,
    *,
    watched: Target | None = None,
    settings: TrainSettings,
    weights: Mapping[str, float],
    switches: Switches,
    engine: Engine,
    padded_to: int | None,
    seed: int,
    state: Path,
    report: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> Progress:
    """Train under one variant; after each epoch the model is scored on `target` by the rule of `switches.selection`.

    `watched` is test where it does not choose: its scores are columns of the history and reach nothing else.
    `padded_to` is the length that captions are padded to in training, or None for their batch's longest.
    Errors: those of `cada.training.loop.fit`, and `ArgumentError` for a batch of one person where negatives are needed.
    """
    optimisation, fusion_weights = settings.optimisation, settings.validation.fusion_weights
    lookalikes = find_lookalikes(training.captions, training.caption_persons) if switches.batches == "lookalikes" else None
    sampler = training.sampler(optimisation.batch_size, seed=seed, by_length=padded_to is None, lookalikes=lookalikes)
    batches = Batches(training, sampler, settings.augmentation, padded_to, "batch", model.device)

    def losses_of(drawn: tuple[Batch, torch.Generator]) -> dict[str, Tensor]:
        batch, draw = drawn
        with autocast(model.device, engine.precision):
            encoded = encode_batch(model, batch, generator=draw, micro_batch=optimisation.micro_batch_size)
            return association_losses(encoded, weights=weights, switches=switches)

    return fit(
        model,
        batches.at,
        losses_of,
        settings=settings,
        samples=len(training.captions),
        seed=seed,
        state=state,
        validate=lambda: validation(model, target, watched=watched, engine=engine, switches=switches, fusion_weights=fusion_weights),
        report=report,
    )


def validation(
    model: Cada, target: Target, *, watched: Target | None = None, engine: Engine, switches: Switches, fusion_weights: Sequence[float]
) -> Validation:
    """Score a model while it trains: the headline ranking's metrics and the score that chooses the checkpoint.

    On val the score is mAP; on test, the published rule, it is (R1 + R5 + R10) / 3 + mAP. What `watched` scores, with a
    fusion weight of its own, is in the values and not in the score.
    """
    how: dict[str, Any] = {"engine": engine, "fusion": switches.fusion if engine.top_k else "cosine", "weights": fusion_weights}
    scores = headline_scores(model, target, **how)
    values = {f"{switches.selection}_{name}": value for name, value in scores.items()}
    if watched is not None:
        values |= {f"test_{name}": value for name, value in headline_scores(model, watched, **how).items()}
        values["test_queries"] = len(watched.caption_persons)
    return Validation(published_score(scores) if switches.selection == "test" else scores["mAP"], values)


def headline_scores(model: Cada, target: Target, *, engine: Engine, fusion: str, weights: Sequence[float]) -> dict[str, float]:
    """The metrics of one ranking; the calibrated fusion takes the one of `weights` that suits `target` best."""
    search = Search.of(model, target, engine)
    release_free_memory()
    found = search.found()
    return found.scores(fusion, found.choose_weight(weights) if fusion == "calibrated" else None)
