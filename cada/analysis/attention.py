"""Which patches a phrase attends to: cross-attention, weighted by the gradient of the output.

As ALBEF shows its cross-attention (Grad-CAM, arXiv 2107.07651): attention times the positive part of the gradient, mean over the heads;
but here also over all layers, where ALBEF picks one. Chefer, Gur and Wolf derive the same product (arXiv 2103.15679, equation 5).
Legend: B captions, L tokens, P patches, S = 1 + P image tokens, D width, H heads, N phrases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cada.model.cada import Cada
from cada.model.encoders import causal_mask


def match_maps(model: Cada, ids: Tensor, image_tokens: Tensor, phrases: Tensor) -> Tensor:
    """The patches that each phrase of a caption attends to when the caption is matched with an image: (N, P), not negative.

    ids (L): without padding. image_tokens (1, S, D). phrases (N, L): the tokens of each phrase, at least one. The output is the
    match logit, from position 0, which becomes [ENC]; so in the last layer the words themselves get no gradient.
    """
    states, shares = match_reading(model, ids, image_tokens)
    return phrase_maps(gradient_weighted(shares, model.match_head(states[:, 0])[0, 1])[0], phrases)


def match_reading(model: Cada, ids: Tensor, image_tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The match encoder on ids (L) without padding and an image (1, S, D): states (1, L, D), and each layer's attention (1, H, L, S)."""
    read = ids[None].clone()
    read[:, 0] = model.tokenizer.enc
    visible = torch.ones(1, 1, 1, len(ids), dtype=torch.bool, device=ids.device)
    return read_with_attention(model.text_encoder.bert, read, visible, image_tokens)


def phrase_maps(relevance: Tensor, phrases: Tensor) -> Tensor:
    """The mean of `relevance` (L, S) over the tokens of each phrase (N, L), without [CLS]: (N, P)."""
    return torch.stack([relevance[chosen].mean(dim=0) for chosen in phrases])[:, 1:]


def decoder_maps(model: Cada, ids: Tensor, image_tokens: Tensor, phrases: Tensor) -> Tensor:
    """The patches that the attribute decoder attends to when it predicts each phrase, whose tokens are masked: (N, P), not negative.

    ids (L), image_tokens (1, S, D), phrases (N, L) as in `match_maps`. The output is the sum of the logits of the phrase's own tokens; each
    phrase is masked alone, in a copy of the caption.
    """
    masked = ids.expand(len(phrases), -1).masked_fill(phrases, model.tokenizer.mask)  # (N, L)
    visible = causal_mask(torch.ones_like(masked))
    decoder = model.attribute_decoder.bert
    states, shares = read_with_attention(decoder.bert, masked, visible, image_tokens.expand(len(phrases), -1, -1))
    logits = decoder.cls(states[phrases])  # (M, V), of the M masked tokens
    true = ids.expand(len(phrases), -1)[phrases]
    relevance = gradient_weighted(shares, logits.gather(1, true[:, None]).sum())  # (N, L, S)
    return torch.stack([found[chosen].mean(dim=0) for found, chosen in zip(relevance, phrases, strict=True)])[:, 1:]


def read_with_attention(transformer: Any, ids: Tensor, visible: Tensor, image_tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Tokens (B, L) reading image tokens (B, S, D): hidden states (B, L, D), and each layer's cross-attention (B, H, L, S).

    `transformer` is a BERT with cross-attention; its fused attention returns no weights, so they are computed here from the
    projections of the layers, and the states from the weights. visible: boolean mask of the self-attention, as the layers take it.
    """
    states, shares = transformer.embeddings(input_ids=ids), []
    for layer in transformer.encoder.layer:
        states = layer.attention(states, visible)[0]
        cross = layer.crossattention.self
        heads = (cross.num_attention_heads, -1)
        query = cross.query(states).unflatten(-1, heads).transpose(1, 2)  # (B, H, L, D / H)
        key, value = (project(image_tokens).unflatten(-1, heads).transpose(1, 2) for project in (cross.key, cross.value))
        shares.append((query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).softmax(dim=-1))
        states = layer.crossattention.output((shares[-1] @ value).transpose(1, 2).flatten(2), states)
        states = layer.output(layer.intermediate(states), states)
    return states, shares


def gradient_weighted(shares: Sequence[Tensor], output: Tensor) -> Tensor:
    """Attention (B, H, L, S) of each layer times the positive part of the gradient of the number `output`: mean (B, L, S)."""
    gradients = torch.autograd.grad(output, list(shares))
    layers = [(share * gradient.clamp(min=0)).mean(dim=1) for share, gradient in zip(shares, gradients, strict=True)]
    return torch.stack(layers).mean(dim=0).detach()
