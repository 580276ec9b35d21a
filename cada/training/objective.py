"""One batch to the weighted sum of the three losses (method section 3).

Legend: B batch of all processes, b rows of this process, P patches, L tokens, D width, E common space.
Every value returned is this process's share: the batch's is the sum over processes, and so is its gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cada import losses
from cada.config import LossWeights, Switches
from cada.config.method import LocalGroups
from cada.datasets.loading import TokenBatch
from cada.model.cada import Cada
from cada.runtime import distributed
from cada.runtime.compute import upload
from cada.training.chunks import in_chunks, summed


@dataclass(frozen=True)
class Batch:
    """Pairs of a picture and a caption: this process's images (b, 3, H, W), normalised; all captions; all persons (B)."""

    images: Tensor
    captions: TokenBatch
    persons: Tensor


@dataclass(frozen=True)
class SpecialTokens:
    """The two ids that the objectives write into captions."""

    enc: int
    mask: int


def association_losses(
    model: Cada,
    batch: Batch,
    *,
    weights: LossWeights,
    switches: Switches,
    special: SpecialTokens,
    generator: torch.Generator,
    micro_batch: int | None = None,
) -> dict[str, Tensor]:
    """The losses that have a weight, their weighted sum as `loss`, and `degenerate` (rows without a negative).

    With the weights of ATP and ARA at zero this is the global loss exactly, at its cost. `micro_batch` bounds the rows
    whose activations are in memory at a time.
    """
    captions = batch.captions
    encoded = encode(model, batch, micro_batch=micro_batch)
    values = {"loss_global": global_loss(encoded, batch)}
    total = weights.global_ * values["loss_global"]
    if weights.atp:
        negatives = losses.hard_negatives(encoded.images, encoded.texts, batch.persons, how=switches.hard_negatives, generator=generator)
        values["loss_atp"] = token_patch_loss(
            model,
            captions,
            encoded.tokens,
            negatives,
            groups=switches.local_groups,
            group_count=switches.group_count,
            enc=special.enc,
            micro_batch=micro_batch,
            weight=weights.atp,
        )
        values["degenerate"] = negatives.degenerate / distributed.size()
        total = total + weights.atp * values["loss_atp"]
    if weights.ara:
        selected = losses.select_groups(captions.groups, rate=switches.ara_rate, generator=generator)  # on the CPU
        over, selected = ara_divisor(selected, mean=switches.ara_mean), upload(selected, captions.ids.device)
        values["loss_ara"] = region_attribute_loss(
            model, captions, encoded.tokens, selected, special=special, over=over, micro_batch=micro_batch, weight=weights.ara
        )
        total = total + weights.ara * values["loss_ara"]
    return {"loss": total, **values}


@dataclass(frozen=True)
class Encoded:
    """This process's image tokens (b, 1 + P, D), and the features of all processes: images, texts (B, E)."""

    tokens: Tensor
    images: Tensor
    texts: Tensor


def encode(model: Cada, batch: Batch, *, micro_batch: int | None) -> Encoded:
    """Encode this process's pairs and gather the features, with gradient."""
    count = len(batch.persons)
    own = distributed.own_rows(count)
    tokens, image_features = in_chunks(model.encode_images, micro_batch, batch.images)
    text_features = in_chunks(model.encode_text, micro_batch, batch.captions.ids[own], batch.captions.mask[own])
    return Encoded(tokens, distributed.gather(image_features, count), distributed.gather(text_features, count))


def global_loss(encoded: Encoded, batch: Batch) -> Tensor:
    """The share of the global association: every process computes the whole of it, over all pairs."""
    return losses.global_association(encoded.images, encoded.texts, batch.persons) / distributed.size()


def token_patch_loss(
    model: Cada,
    captions: TokenBatch,
    image_tokens: Tensor,
    negatives: losses.Negatives,
    *,
    groups: LocalGroups,
    group_count: int = 2,
    enc: int,
    micro_batch: int | None = None,
    weight: float = 1.0,
) -> Tensor:
    """ATP: match or no match for the whole caption and for `group_count` groups of its tokens.

    b pairs, then b captions with a wrong image, then b images with a wrong caption. Wrong partners come from the whole
    batch; gradients reach the wrong images' tokens too, on whatever process they were made. `weight`: see
    `cada.training.chunks.summed`.
    """
    count = len(captions.ids)
    own = distributed.own_rows(count)
    rows = torch.arange(count, device=image_tokens.device)[own]  # (b,)
    everyone = distributed.gather(image_tokens, count)  # (B, 1 + P, D)
    text, image = torch.cat([rows, rows, negatives.text[own]]), torch.cat([rows, negatives.image[own], rows])  # (3b,)
    order = image.argsort(stable=True)  # a chunk projects the keys and values of few images
    text, image, matches = text[order], image[order], order < len(rows)

    def match(tokens: Tensor, chunk: slice) -> Tensor:
        caption = text[chunk]
        wanted, images = image[chunk].unique(return_inverse=True)
        hidden = model.match_hidden(captions.ids[caption], captions.mask[caption], tokens[wanted], enc=enc, images=images)  # (n, L, D)
        means = losses.group_means(hidden, captions.lengths[caption], how=groups, count=group_count)  # (n, groups, D)
        whole, local = model.match_head(hidden[:, 0]), model.local_match_head(means)
        share = len(caption) / (3 * count)
        return (losses.match_loss(whole, matches[chunk]) + losses.match_loss(local, matches[chunk])) * share

    size = micro_batch and 3 * micro_batch
    return summed(match, everyone, model.parameters(), count=len(text), size=size, weight=weight)


def ara_divisor(selected: Tensor, *, mean: str) -> int:
    """What this process's sum over masked tokens is divided by; selected (B, L).

    `batch`: the masked tokens of all processes. `process`: this process's own, times the number of processes, as
    published; a process that happens to have masked nothing adds nothing.
    """
    if mean == "batch":
        return max(1, int(selected.sum()))
    return max(1, int(selected[distributed.own_rows(len(selected))].sum())) * distributed.size()


def region_attribute_loss(
    model: Cada,
    captions: TokenBatch,
    image_tokens: Tensor,
    selected: Tensor,
    *,
    special: SpecialTokens,
    over: int,
    micro_batch: int | None = None,
    weight: float = 1.0,
) -> Tensor:
    """ARA: predict the masked attribute words, `selected` (B, L), of this process's captions from their images.

    `over`: see `cada.losses.attribute_loss`. `weight`: see `cada.training.chunks.summed`.
    """
    own = distributed.own_rows(len(captions.ids))
    ids, mask, selected = captions.ids[own], captions.mask[own], selected[own]

    def predict(tokens: Tensor, rows: slice) -> Tensor:
        chosen = selected[rows]
        logits = model.attribute_decoder(ids[rows].masked_fill(chosen, special.mask), mask[rows], tokens[rows], chosen)
        return losses.attribute_loss(logits, ids[rows][chosen], over=over)

    return summed(predict, image_tokens, model.parameters(), count=len(ids), size=micro_batch, weight=weight)
