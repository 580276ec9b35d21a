"""A stand-in for BLIP's pre-training on persons of its own: contrastive, matching and masked-language losses, and the decoder's.

The fine-tuned variants need a match head and a decoder that already know something: from scratch the published negatives
leave the head at chance, and BLIP's decoder too has been trained before CADA starts from it.
Legend: B batch, L tokens, M masked tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from cada import losses
from cada.config import Augmentation, Optimisation
from cada.config.steps import Precision
from cada.datasets.loading import TokenBatch
from cada.model.cada import Cada
from cada.runtime import distributed
from cada.runtime.compute import autocast, upload
from cada.synthpedes.attributes import FAMILY
from cada.training.batches import Batches, TrainingSet
from cada.training.chunks import in_chunks
from cada.training.loop import Progress, fit
from cada.training.objective import Batch, encode, global_loss, region_attribute_loss, token_patch_loss
from cada.training.sampling import relatives


def pretrain(
    model: Cada,
    training: TrainingSet,
    *,
    optimisation: Optimisation,
    augmentation: Augmentation,
    mask_rate: float,
    decoder_mask_rate: float,
    seed: int,
    device: torch.device,
    log_every: int,
    save_seconds: float,
    state: Path,
    precision: Precision = "fp32",
    report: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> Progress:
    """Train all parts together, on batches in which drawn persons meet their families."""
    sampler = training.sampler(
        optimisation.batch_size, seed=seed, by_length=True, lookalikes=relatives(training.caption_persons, family=FAMILY)
    )
    batches = Batches(training, sampler, augmentation, None, "pretraining batch", device)

    def losses_of(drawn: tuple[Batch, torch.Generator]) -> dict[str, Tensor]:
        batch, draw = drawn
        with autocast(device, precision):
            return pretraining_losses(
                model,
                batch,
                mask_rate=mask_rate,
                decoder_mask_rate=decoder_mask_rate,
                draw=draw,
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
        report=report,
    )


def pretraining_losses(
    model: Cada,
    batch: Batch,
    *,
    mask_rate: float,
    decoder_mask_rate: float,
    draw: torch.Generator,
    micro_batch: int | None = None,
) -> dict[str, Tensor]:
    """The four losses, each with weight 1, and their sum as `loss`: this process's shares.

    The decoder's is that of ARA, with words masked at random instead of phrases.
    """
    captions = batch.captions
    encoded = encode(model, batch, micro_batch=micro_batch)
    negatives = losses.hard_negatives(encoded.images, encoded.texts, batch.persons, how="sampled", generator=draw)
    values = {
        "loss_global": global_loss(encoded, batch),
        "loss_atp": token_patch_loss(model, captions, encoded.tokens, negatives, groups="parts", micro_batch=micro_batch),
    }
    for name, predict, rate in (("loss_mlm", masked_language_loss, mask_rate), ("loss_ara", region_attribute_loss, decoder_mask_rate)):
        selected = random_words(captions, rate=rate, draw=draw)  # on the CPU
        over, selected = max(1, int(selected.sum())), upload(selected, captions.ids.device)
        values[name] = predict(model, captions, encoded.tokens, selected, over=over, micro_batch=micro_batch)
    return {"loss": torch.stack(list(values.values())).sum(), **values}


def random_words(captions: TokenBatch, *, rate: float, draw: torch.Generator) -> Tensor:
    """Word pieces (B, L) chosen one by one with probability `rate`, never [CLS] or [SEP]; drawn on the CPU."""
    pieces = torch.arange(captions.ids.shape[1]) < (captions.lengths.cpu() - 1)[:, None]
    pieces[:, 0] = False
    return losses.select_groups(torch.where(pieces, torch.arange(pieces.shape[1]), -1), rate=rate, generator=draw)


def masked_language_loss(
    model: Cada,
    captions: TokenBatch,
    image_tokens: Tensor,
    selected: Tensor,
    *,
    over: int,
    micro_batch: int | None = None,
) -> Tensor:
    """Predict the masked words, `selected` (B, L), from the rest of the caption and the image, in the text encoder.

    The hidden states are read by the decoder's head, with the text encoder's word embeddings. `over`: see
    `cada.losses.attribute_loss`.
    """
    own = distributed.own_rows(len(selected))
    head = model.attribute_decoder.bert.cls.predictions

    def predict(ids: Tensor, visible: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
        hidden = model.match_hidden(ids.masked_fill(chosen, model.tokenizer.mask), visible, tokens)[chosen]  # (M, D)
        logits = head.transform(hidden) @ model.text_encoder.bert.embeddings.word_embeddings.weight.T + head.bias
        return losses.attribute_loss(logits, ids[chosen], over=over)[None]

    return in_chunks(predict, micro_batch, captions.ids[own], captions.mask[own], image_tokens, selected[own]).sum()
