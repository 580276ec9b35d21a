"""One batch to the weighted sum of the three losses (method section 3).

Legend: B batch, P patches, L tokens, D width, E common space.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cada import losses
from cada.config import LossWeights, Switches
from cada.data.loading import TokenBatch
from cada.model.cada import Cada


@dataclass(frozen=True)
class Batch:
    """Pairs of a picture and a caption: images (B, 3, H, W), normalised; persons (B)."""

    images: Tensor
    captions: TokenBatch
    persons: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`; attribute groups stay on the CPU, where masks are drawn."""
        return Batch(self.images.to(device), self.captions.to(device), self.persons.to(device))


@dataclass(frozen=True)
class SpecialTokens:
    """The two ids that the objectives write into captions."""

    enc: int
    mask: int


def association_losses(
    model: Cada, batch: Batch, *, weights: LossWeights, switches: Switches, special: SpecialTokens, generator: torch.Generator
) -> dict[str, Tensor]:
    """The losses that have a weight, their weighted sum as `loss`, and `degenerate` (rows without a negative).

    With the weights of ATP and ARA at zero this is the global loss exactly, at its cost.
    """
    captions = batch.captions
    image_tokens, image_features = model.encode_images(batch.images)  # (B, 1 + P, D), (B, E)
    text_features = model.encode_text(captions.ids, captions.mask)  # (B, E)
    values = {"loss_global": losses.global_association(image_features, text_features, batch.persons)}
    total = weights.global_ * values["loss_global"]
    if weights.atp:
        negatives = losses.hard_negatives(image_features, text_features, batch.persons, how=switches.hard_negatives, generator=generator)
        values["loss_atp"] = token_patch_loss(model, captions, image_tokens, negatives, groups=switches.local_groups, enc=special.enc)
        values["degenerate"] = negatives.degenerate
        total = total + weights.atp * values["loss_atp"]
    if weights.ara:
        values["loss_ara"] = region_attribute_loss(
            model, captions, image_tokens, rate=switches.ara_rate, mask=special.mask, generator=generator
        )
        total = total + weights.ara * values["loss_ara"]
    return {"loss": total, **values}


def token_patch_loss(
    model: Cada, captions: TokenBatch, image_tokens: Tensor, negatives: losses.Negatives, *, groups: str, enc: int
) -> Tensor:
    """ATP: match or no match for the whole caption and for two groups of its tokens.

    B pairs, then B captions with a wrong image, then B images with a wrong caption, in one pass; gradients reach the
    negatives' image tokens too.
    """
    size = len(image_tokens)
    rows = torch.arange(size, device=image_tokens.device)
    text, image = torch.cat([rows, rows, negatives.text]), torch.cat([rows, negatives.image, rows])
    hidden = model.match_hidden(captions.ids[text], captions.mask[text], image_tokens[image], enc=enc)  # (3B, L, D)
    local = losses.group_means(hidden, captions.lengths[text], how=groups)  # type: ignore[arg-type]
    whole_loss = losses.match_loss(model.match_head(hidden[:, 0]), size)
    return whole_loss + losses.match_loss(model.local_match_head(local), size)


def region_attribute_loss(
    model: Cada, captions: TokenBatch, image_tokens: Tensor, *, rate: float, mask: int, generator: torch.Generator
) -> Tensor:
    """ARA: predict the masked attribute words of a caption from its image."""
    selected = losses.select_groups(captions.groups, rate=rate, generator=generator).to(captions.ids.device)
    logits = model.attribute_decoder(captions.ids.masked_fill(selected, mask), captions.mask, image_tokens, selected)
    return losses.attribute_loss(logits, captions.ids[selected])
