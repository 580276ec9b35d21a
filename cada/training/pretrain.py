"""A stand-in for BLIP's pre-training: contrastive, matching and masked-language losses on persons of its own.

The fine-tuned variants need a match head and a decoder that already know something (from scratch the published
negatives leave them at chance). The attribute decoder starts as a copy of the text encoder.
Legend: B batch, L tokens, M masked tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from cada import distributed, losses
from cada.compute import autocast, upload
from cada.config import Augmentation, Optimisation
from cada.config.steps import Precision
from cada.data.loading import TokenBatch
from cada.model.cada import Cada
from cada.training.batches import Batches, TrainingSet
from cada.training.chunks import in_chunks
from cada.training.loop import Progress, fit
from cada.training.objective import Batch, SpecialTokens, encode, global_loss, token_patch_loss


def pretrain(
    model: Cada,
    training: TrainingSet,
    *,
    optimisation: Optimisation,
    augmentation: Augmentation,
    mask_rate: float,
    special: SpecialTokens,
    seed: int,
    device: torch.device,
    log_every: int,
    save_seconds: float,
    state: Path,
    precision: Precision = "fp32",
    report: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> Progress:
    """Train all parts but the decoder's layers, then copy the text encoder into the decoder."""

    sampler = training.sampler(optimisation.batch_size, seed=seed, by_length=True)
    batches = Batches(training, sampler, augmentation, None, "pretraining batch", device)

    def losses_of(drawn: tuple[Batch, torch.Generator]) -> dict[str, Tensor]:
        batch, draw = drawn
        with autocast(device, precision):
            return pretraining_losses(
                model, batch, mask_rate=mask_rate, special=special, draw=draw, micro_batch=optimisation.micro_batch_size
            )

    progress = fit(
        model,
        batches.at,
        losses_of,
        optimisation=optimisation,
        samples=len(training.captions),
        seed=seed,
        log_every=log_every,
        save_seconds=save_seconds,
        state=state,
        report=report,
    )
    model.attribute_decoder.start_from(model.text_encoder)
    return progress


def pretraining_losses(
    model: Cada, batch: Batch, *, mask_rate: float, special: SpecialTokens, draw: torch.Generator, micro_batch: int | None = None
) -> dict[str, Tensor]:
    """The three losses, each with weight 1, and their sum as `loss`: this process's shares."""
    captions = batch.captions
    encoded = encode(model, batch, micro_batch=micro_batch)
    negatives = losses.hard_negatives(encoded.images, encoded.texts, batch.persons, how="sampled", generator=draw)
    values = {
        "loss_global": global_loss(encoded, batch),
        "loss_atp": token_patch_loss(model, captions, encoded.tokens, negatives, groups="parts", enc=special.enc, micro_batch=micro_batch),
        "loss_mlm": masked_language_loss(
            model, captions, encoded.tokens, rate=mask_rate, special=special, draw=draw, micro_batch=micro_batch
        ),
    }
    return {"loss": torch.stack(list(values.values())).sum(), **values}


def masked_language_loss(
    model: Cada,
    captions: TokenBatch,
    image_tokens: Tensor,
    *,
    rate: float,
    special: SpecialTokens,
    draw: torch.Generator,
    micro_batch: int | None = None,
) -> Tensor:
    """Predict words masked at random from the rest of the caption and the image, in the text encoder.

    The decoder's head reads the hidden states; its word embeddings are the text encoder's, as they will be when the
    decoder starts as a copy.
    """
    pieces = torch.arange(captions.ids.shape[1]) < (captions.lengths.cpu() - 1)[:, None]
    pieces[:, 0] = False
    groups = torch.where(pieces, torch.arange(pieces.shape[1]), -1)
    selected = losses.select_groups(groups, rate=rate, generator=draw)  # on the CPU
    over, own = max(1, int(selected.sum())), distributed.own_rows(len(selected))
    selected = upload(selected, captions.ids.device)
    head = model.attribute_decoder.bert.cls.predictions

    def predict(ids: Tensor, visible: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
        hidden = model.match_hidden(ids.masked_fill(chosen, special.mask), visible, tokens, enc=special.enc)[chosen]  # (M, D)
        logits = head.transform(hidden) @ model.text_encoder.bert.embeddings.word_embeddings.weight.T + head.bias
        return losses.attribute_loss(logits, ids[chosen], over=over)[None]

    return in_chunks(predict, micro_batch, captions.ids[own], captions.mask[own], image_tokens, selected[own]).sum()
