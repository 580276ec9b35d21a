"""The losses as plain functions of tensors (method section 3).

Legend: B batch, L tokens, D width, E common space, M masked tokens, V vocabulary.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from cada.errors import ArgumentError
from cada.runtime.compute import autocast, upload

GLOBAL_SCALE = 1 / 0.02  # constants of the published code: not learned, not in the checkpoint
EPSILON = 1e-8
MINING_TEMPERATURE = 0.07


def global_association(image_features: Tensor, text_features: Tensor, persons: Tensor, *, scale: float = GLOBAL_SCALE) -> Tensor:
    """Align images and captions of the same person: forward KL + reverse KL + cross-entropy, both ways.

    Features (B, E) need not be normalised; pair i is of person `persons[i]` (B, on the CPU). The KL terms are means over all
    B^2 entries and the cross-entropy is a mean over rows, as published: the value depends on the batch size.
    """
    logits = both_ways(cosine_logits(image_features, text_features, scale=scale))
    target = same_person(persons, logits)
    log_p, log_q = logits.log_softmax(dim=2), (target + EPSILON).log()
    divergences = (log_p.exp() - target) * (log_p - log_q)  # of p from q and of q from p
    return divergences.mean() - (target * log_p).sum(dim=2).mean()


def cosine_logits(image_features: Tensor, text_features: Tensor, *, scale: float) -> Tensor:
    """`scale` times the cosine of each image with each caption (B, B), in fp32 under any precision; features (B, E)."""
    with autocast(image_features.device, "fp32"):
        images, texts = F.normalize(torch.stack([image_features, text_features]).float(), dim=-1)
        return scale * images @ texts.T


def both_ways(logits: Tensor) -> Tensor:
    """Logits (B, B) and their transpose (2, B, B): a row for each image, and one for each caption."""
    return torch.stack([logits, logits.T])


def same_person(persons: Tensor, logits: Tensor) -> Tensor:
    """A row (B, B) for each of the `persons` (B): 1 / n for the n of the same person, itself included, and 0 for all others.

    Persons are on the CPU; the rows are of the kind of `logits`, and on its device.
    """
    same = (persons[:, None] == persons[None, :]).to(logits.dtype)
    return upload(same / same.sum(dim=1, keepdim=True), logits.device)


# --- ATP: text tokens to image patches ----------------------------------------------------------------------------


class Negatives(NamedTuple):
    """One wrong partner per row, and how many rows had no choice because every weight was zero."""

    image: Tensor  # (B,) the wrong image for each caption
    text: Tensor  # (B,) the wrong caption for each image
    degenerate: Tensor  # () rows, of 2B, whose softmax underflowed


def hard_negatives(
    image_features: Tensor,
    text_features: Tensor,
    persons: Tensor,
    *,
    how: Literal["published", "hardest", "sampled"],
    generator: torch.Generator | None = None,
) -> Negatives:
    """Choose for each caption a wrong image and for each image a wrong caption, never of the same person.

    Features (B, E), not normalised; persons (B) on the CPU.
    `published`: argmax of a softmax over un-normalised products / 0.07, same persons set to 0 afterwards. Where it
    underflows, argmax returns index 0, possibly a true pair; `degenerate` counts those rows.
    `hardest`: the same choice without the flaw: fp32 logits, same persons at -inf, argmax.
    `sampled`: drawn from softmax(cosine / 0.07) with `generator` (as ALBEF and BLIP do); `FloatingPointError` where that is
    no number; on a GPU nobody waits to see it, and the losses of such features are none either.
    Errors: `ArgumentError` where all pairs are of one person.
    """
    same = persons[:, None] == persons[None, :]
    if same.all():
        raise ArgumentError("persons", f"{len(persons)} pairs are of one person only, so there is no wrong partner")
    same = upload(same, image_features.device)
    with torch.no_grad(), autocast(image_features.device, "fp32"):
        images, texts = image_features.float(), text_features.float()
        if how == "sampled":
            images, texts = F.normalize(images, dim=-1), F.normalize(texts, dim=-1)
        logits = both_ways(texts @ images.T / MINING_TEMPERATURE)  # (B captions, B images), and its transpose
        published = logits.softmax(dim=2).masked_fill(same, 0)
        image, text = published.argmax(dim=2) if how == "published" else _choose(logits.masked_fill(same, -torch.inf), how, generator)
    return Negatives(image, text, (published.amax(dim=2) == 0).sum())


def _choose(logits: Tensor, how: str, generator: torch.Generator | None) -> Tensor:
    """A column (2, B) for each row of both logits (2, B, B), in which those of the same person are -inf."""
    if how == "hardest":
        return logits.argmax(dim=2)
    weights = logits.softmax(dim=2)
    if not weights.is_cuda and weights.isnan().any():
        raise FloatingPointError("the features are not finite")
    waited = [torch.empty(weights.shape[1:]).exponential_(generator=generator) for _ in weights]  # on the CPU for every device
    return (weights / upload(torch.stack(waited), weights.device)).argmax(dim=2)  # who is met first, at rates of the weights


def group_means(hidden: Tensor, lengths: Tensor, *, how: Literal["fixed", "parts"], count: int = 2) -> Tensor:
    """Means of `count` groups of token states: hidden (B, L, D), lengths (B) to (B, count, D); see `token_groups`."""
    return means_of(upload(token_groups(lengths, hidden.shape[1], how=how, count=count), hidden.device), hidden)


def token_groups(lengths: Tensor, length: int, *, how: Literal["fixed", "parts"], count: int = 2) -> Tensor:
    """Which tokens are in each of a caption's groups: lengths (B) to a mask (B, count, `length`), best on the CPU.

    `fixed`: positions 1 to L-1 in equal parts, padding included (published: 36 and 36, L = 73). `parts`: equal parts of
    the caption's word pieces, [ENC] and [SEP] left out; a piece on a border belongs to both sides.
    """
    part, position = torch.arange(count, device=lengths.device)[:, None], torch.arange(length, device=lengths.device)
    if how == "fixed":
        before, end = (length - 1) * part // count, (length - 1) * (part + 1) // count  # (count, 1)
        return ((position > before) & (position <= end)).expand(len(lengths), -1, -1)
    pieces = (lengths - 2).clamp(min=1)[:, None, None]  # (B, 1, 1)
    before, end = pieces * part // count, (pieces * (part + 1) + count - 1) // count  # (B, count, 1)
    return (position > before) & (position <= end)


def means_of(groups: Tensor, hidden: Tensor) -> Tensor:
    """Means of the token states of each group: a mask (B, count, L), hidden (B, L, D) to (B, count, D)."""
    return groups.to(hidden.dtype) @ hidden / groups.sum(dim=2, keepdim=True)


def match_loss(logits: Tensor, matches: Tensor) -> Tensor:
    """Cross-entropy of match logits (N, ..., 2); `matches` (N) says which rows are pairs."""
    groups = logits.flatten(1, -2) if logits.dim() > 2 else logits[:, None]  # (N, groups, 2)
    labels = matches.long()[:, None].expand(-1, groups.shape[1])
    return F.cross_entropy(groups.flatten(0, 1).float(), labels.flatten())


# --- ARA: image regions to text attributes ------------------------------------------------------------------------


def select_groups(groups: Tensor, *, rate: float, generator: torch.Generator) -> Tensor:
    """Choose whole groups of tokens with probability `rate`: group numbers (B, L), -1 outside, to a mask (B, L).

    A group is an attribute phrase (robust), or a single attribute word or [SEP] (published). At least one group of the batch
    is chosen if there is any, so that the loss is defined. Drawn on the CPU.
    """
    count = int(groups.max()) + 1
    if count == 0:
        return torch.zeros_like(groups, dtype=torch.bool)
    exists = (groups[:, None, :] == torch.arange(count)[None, :, None]).any(dim=2)  # (B, groups)
    draw = torch.rand(exists.shape, generator=generator).masked_fill(~exists, torch.inf)
    chosen = (draw < rate) | (draw == draw.min())
    return chosen.gather(1, groups.clamp(min=0)) & (groups >= 0)


def attribute_loss(logits: Tensor, targets: Tensor, *, over: int) -> Tensor:
    """Cross-entropy of the decoder's logits (M, V) at the masked positions against the true ids (M): the sum divided by `over`.

    `over` is M for a mean. With several processes the published code takes each process's own mean, which is not the
    mean over the batch where the processes have masked different numbers of tokens (`Switches.ara_mean`).
    """
    return F.cross_entropy(logits.float(), targets, reduction="sum") / over
