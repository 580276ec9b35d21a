"""The ways through the project that a GPU takes, each on a device: what comes out, as numbers on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from cada.config import Augmentation, Optimisation, Pretraining
from cada.config.steps import Precision
from cada.runtime import compute, distributed
from cada.runtime.compute import autocast
from cada.training.finetune import finetune
from cada.training.loop import Progress
from cada.training.objective import association_losses
from cada.training.pretrain import pretrain, pretraining_losses
from tests.pretended_gpu.device import OnGpu, held
from tests.training.tiny import ROBUST, WEIGHTS, tiny_encoded, tiny_engine, tiny_model, tiny_settings, tiny_target, tiny_training

CPU = torch.device("cpu")
CHANGES = Augmentation(flip=0.5, pad=2, erase=0.5)
OPTIMISATION = Optimisation(epochs=2, batch_size=8, learning_rate=1e-3, warmup_steps=2, weight_decay=0.05, betas=(0.9, 0.98), clip_norm=1.0)
EVERY_LOSS = WEIGHTS | {"sdm": 0.5, "mlm": 0.2}
CASES: dict[str, dict[str, Any]] = {
    "robust": {},
    "sampled": {"hard_negatives": "sampled"},
    "published": {"hard_negatives": "published", "local_groups": "fixed", "ara_masking": "words"},
    "process": {"ara_mean": "process"},
    "groups": {"group_count": 3},
}
PRETRAINING = "pre-training"


# The CPU computes in the order of a GPU, for the same bits; that either order is right is tested beside each one.
as_on_a_gpu = patch.object(compute, "few_calls", lambda device: True)


@dataclass(frozen=True)
class Step:
    """Losses and gradients of one batch, by name."""

    losses: Mapping[str, float]
    gradients: Mapping[str, Tensor]


def numbers(tensor: Tensor) -> Tensor:
    """A tensor's numbers, without counting a wait."""
    value: Tensor = held(tensor).detach()
    return value


@as_on_a_gpu
def step(
    device: torch.device,
    case: str = "robust",
    *,
    precision: Precision = "fp32",
    micro_batch: int | None = None,
    checkpointing: bool = False,
    dropout: float = 0.0,
    weights: Mapping[str, float] = EVERY_LOSS,
) -> Step:
    """One batch of 8 pairs: every loss under a case of the switches, or those of pre-training.

    Of several processes the losses are this one's shares, and the gradients all of them have together.
    """
    model, draw = tiny_model(dropout).to(device).train(), torch.Generator().manual_seed(3)
    if checkpointing:
        model.checkpoint_layers()
    torch.manual_seed(5)  # for dropout
    batch = tiny_training().batch(np.arange(0, 24, 3), augmentation=CHANGES, padded_to=15, draw=draw, device=device)
    with autocast(device, precision):
        encoded = tiny_encoded(model, batch, draw, micro_batch=micro_batch)
        if case == PRETRAINING:
            values = pretraining_losses(encoded, mask_rate=0.3, decoder_mask_rate=0.5)
        else:
            switches = ROBUST.model_copy(update={"ara_rate": 1.0, **CASES[case]})
            values = association_losses(encoded, weights=weights, switches=switches)
    values["loss"].backward()
    distributed.GradientSum(model.parameters()).finish()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert {isinstance(gradient, OnGpu) for gradient in gradients.values()} == {device.type == "cuda"}
    return Step(
        {name: float(numbers(value)) for name, value in values.items()}, {name: numbers(value) for name, value in gradients.items()}
    )


@as_on_a_gpu
def training(
    device: torch.device,
    state: Path,
    *,
    precision: Precision = "fp32",
    dropout: float = 0.0,
    log_every: int = 2,
    save_seconds: float = 0.0,
    micro_batch: int | None = None,
) -> Progress:
    """A fine-tuning of two epochs that validates, watches test and saves its state."""
    data = tiny_training()
    return finetune(
        tiny_model(dropout).to(device),
        data,
        tiny_target(data),
        watched=tiny_target(data),
        settings=tiny_settings(
            OPTIMISATION.model_copy(update={"micro_batch_size": micro_batch}), CHANGES, log_every=log_every, save_seconds=save_seconds
        ),
        weights=WEIGHTS,
        switches=ROBUST,
        engine=replace(tiny_engine(), precision=precision),
        padded_to=None,
        seed=0,
        state=state,
    )


@as_on_a_gpu
def pretraining(
    device: torch.device, state: Path, *, precision: Precision = "fp32", dropout: float = 0.0, save_seconds: float = 0.0
) -> Progress:
    """A pre-training of one epoch."""
    settings = Pretraining.model_validate(
        {
            "optimisation": OPTIMISATION.model_copy(update={"epochs": 1.0}),
            "augmentation": CHANGES,
            "compute": {"device": "auto", "threads": 1, "precision": precision},
            "log_every": 1,
            "save_seconds": save_seconds,
            "seed": 0,
            "mask_rate": 0.3,
            "decoder_mask_rate": 0.5,
        }
    )
    return pretrain(tiny_model(dropout).to(device), tiny_training(), settings=settings, device=device, state=state)
