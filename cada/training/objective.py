"""One batch to the weighted sum of its objectives' losses (method section 3).

Legend: B batch of all processes, b rows of this process, P patches, L tokens, D width, E common space, M masked tokens, V vocabulary.
Every value returned is this process's share: the batch's is the sum over processes, and so is its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cada import losses
from cada.datasets.loading import TokenBatch
from cada.model.cada import Cada
from cada.objectives import OBJECTIVES
from cada.runtime import distributed
from cada.runtime.compute import selected_rows, upload
from cada.training.chunks import in_chunks

if TYPE_CHECKING:
    from cada.config import Switches


@dataclass(frozen=True)
class Batch:
    """Pairs of an image and a caption: this process's images (b, 3, H, W), normalised; all captions; all persons (B) on the CPU."""

    images: Tensor
    captions: TokenBatch
    persons: Tensor


@dataclass(frozen=True)
class Encoded:
    """What an objective computes its loss from: a batch, what the encoders make of it, and the model for further passes.

    This process's image tokens (b, 1 + P, D), and the features of all processes: images, texts (B, E), not normalised.
    `generator` draws for the whole batch. `micro_batch` bounds the rows whose activations are in memory at a time.
    `weight` is what the loss will be multiplied by: see `cada.training.chunks.summed`.
    """

    model: Cada
    batch: Batch
    tokens: Tensor
    images: Tensor
    texts: Tensor
    generator: torch.Generator
    micro_batch: int | None = None
    weight: float = 1.0


def encode_batch(model: Cada, batch: Batch, *, generator: torch.Generator, micro_batch: int | None = None) -> Encoded:
    """Encode this process's pairs and gather the features, with gradient."""
    count = len(batch.persons)
    own = distributed.own_rows(count)
    tokens, image_features = in_chunks(model.encode_images, micro_batch, batch.images)
    text_features = in_chunks(model.encode_text, micro_batch, batch.captions.ids[own], batch.captions.mask[own])
    images, texts = distributed.gather(image_features, count), distributed.gather(text_features, count)
    return Encoded(model, batch, tokens, images, texts, generator, micro_batch)


def association_losses(encoded: Encoded, *, weights: Mapping[str, float], switches: Switches) -> dict[str, Tensor]:
    """The losses of the objectives that have a weight, their weighted sum as `loss`, and what else they say of the step.

    An objective without a weight, or with 0, costs nothing. Errors: `ValueError` for one that is not in the registry.
    """
    values: dict[str, Tensor] = {}
    shares = []
    for objective in (OBJECTIVES[name] for name in sorted(weights, key=list(OBJECTIVES).index) if weights[name]):
        weight = weights[objective.name]
        found = objective.loss(replace(encoded, weight=weight), switches)
        values |= {objective.column: found["loss"]} | {name: value for name, value in found.items() if name != "loss"}
        shares.append(weight * found["loss"])
    return {"loss": reduce(torch.add, shares), **values}


def masked_words_loss(
    encoded: Encoded, selected: Tensor, logits: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], *, over: int
) -> Tensor:
    """Cross-entropy of the words `selected` (B, L) of this process's captions, which are masked: the sum divided by `over`.

    `logits` takes ids with [MASK] (n, L), their mask (n, L), image tokens (n, 1 + P, D) and what is masked (n, L), and gives logits
    (M, V) at the masked places. `selected` stays on the CPU, where it was drawn and what it holds is known.
    """
    captions, own = encoded.batch.captions, distributed.own_rows(len(selected))

    def predict(ids: Tensor, visible: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
        masked = ids.masked_fill(upload(chosen, ids.device), encoded.model.tokenizer.mask)
        found = logits(masked, visible, tokens, chosen)
        return losses.attribute_loss(found, selected_rows(ids, chosen), over=over)[None]

    return in_chunks(predict, encoded.micro_batch, captions.ids[own], captions.mask[own], encoded.tokens, selected[own]).sum()
