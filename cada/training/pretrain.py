"""A stand-in for BLIP's pre-training on persons of its own: contrastive, matching and masked-language losses, and the decoder's.

The fine-tuned variants need a match head and a decoder that already know something: from scratch the published negatives
leave the head at chance, and BLIP's decoder too has been trained before CADA starts from it.
Legend: B batch, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cada import losses
from cada.model.cada import Cada
from cada.objectives.ara import region_attribute_loss
from cada.objectives.atp import token_patch_loss
from cada.objectives.mlm import masked_language_loss, random_words
from cada.runtime import distributed
from cada.runtime.compute import autocast
from cada.synthpedes.attributes import FAMILY
from cada.training.batches import Batches, TrainingSet
from cada.training.loop import Progress, fit
from cada.training.objective import Batch, Encoded, encode_batch
from cada.training.sampling import relatives

if TYPE_CHECKING:
    from cada.config import Pretraining


def pretrain(
    model: Cada,
    training: TrainingSet,
    *,
    settings: Pretraining,
    device: torch.device,
    state: Path,
    report: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> Progress:
    """Train all parts together, on batches in which drawn persons meet their families. Errors: those of `cada.training.loop.fit`."""
    optimisation, seed = settings.optimisation, settings.seed
    family = relatives(training.caption_persons, family=FAMILY)
    sampler = training.sampler(optimisation.batch_size, seed=seed, by_length=True, lookalikes=family)
    batches = Batches(training, sampler, settings.augmentation, None, "pretraining batch", device)

    def losses_of(drawn: tuple[Batch, torch.Generator]) -> dict[str, Tensor]:
        batch, draw = drawn
        with autocast(device, settings.compute.precision):
            encoded = encode_batch(model, batch, generator=draw, micro_batch=optimisation.micro_batch_size)
            return pretraining_losses(encoded, mask_rate=settings.mask_rate, decoder_mask_rate=settings.decoder_mask_rate)

    return fit(model, batches.at, losses_of, settings=settings, samples=len(training.captions), seed=seed, state=state, report=report)


def pretraining_losses(encoded: Encoded, *, mask_rate: float, decoder_mask_rate: float) -> dict[str, Tensor]:
    """The four losses, each with weight 1, and their sum as `loss`: this process's shares.

    The decoder's is that of ARA, with words masked at random instead of phrases.
    """
    captions, persons, draw = encoded.batch.captions, encoded.batch.persons, encoded.generator
    negatives = losses.hard_negatives(encoded.images, encoded.texts, persons, how="sampled", generator=draw)
    values = {
        "loss_global": losses.global_association(encoded.images, encoded.texts, persons) / distributed.size(),
        "loss_atp": token_patch_loss(encoded, negatives, groups="parts"),
        "loss_mlm": masked_language_loss(encoded, random_words(captions, rate=mask_rate, generator=draw)),
    }
    selected = random_words(captions, rate=decoder_mask_rate, generator=draw)
    values["loss_ara"] = region_attribute_loss(encoded, selected, over=max(1, int(selected.sum())))
    return {"loss": torch.stack(list(values.values())).sum(), **values}
