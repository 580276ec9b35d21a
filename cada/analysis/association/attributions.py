"""Text tokens to image patches: maps of where each phrase of a caption is read, by several attributions.

`attention_K`: the cross-attention of the match encoder's layer K, mean over heads. `gradient`: attention weighted by the gradient of
the match logit, as in `cada.analysis.attention`. `removal`: by how much the match score falls when a patch is taken out of the
cross-attention of the phrase's tokens, which is what the patch causes.
Legend: L tokens, P patches, S = 1 + P image tokens, D width, N phrases.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cada.analysis.attention import gradient_weighted, match_reading, phrase_maps
from cada.model.cada import Cada
from cada.model.encoders import read_in_layer
from cada.retrieval.packed import Packed, self_attention


def attribution_maps(model: Cada, ids: Tensor, image_tokens: Tensor, phrases: Tensor, *, batch_size: int) -> dict[str, Tensor]:
    """By the name of each attribution the maps (N, P) of the phrases, not negative.

    ids (L): without padding. image_tokens (1, S, D). phrases (N, L): the tokens of each phrase, at least one. batch_size: captions that are
    read at a time.
    """
    states, shares = match_reading(model, ids, image_tokens)
    gradient = gradient_weighted(shares, model.match_head(states[:, 0])[0, 1])[0]  # (L, S)
    maps = {f"attention_{layer}": phrase_maps(share[0].mean(dim=0).detach(), phrases) for layer, share in enumerate(shares, start=1)}
    maps["gradient"] = phrase_maps(gradient, phrases)
    maps["removal"] = removal_maps(model, ids, image_tokens, phrases, batch_size=batch_size)
    return maps


@torch.no_grad()
def removal_maps(model: Cada, ids: Tensor, image_tokens: Tensor, phrases: Tensor, *, batch_size: int) -> Tensor:
    """By how much the match score falls without each patch for each phrase's tokens (N, P), 0 where it rises."""
    read = ids.clone()
    read[0] = model.tokenizer.enc
    bert = model.text_encoder.bert
    packed = Packed(np.array([len(ids)]), ids.device)
    asking = self_attention(
        bert.encoder.layer[0].attention, bert.embeddings(input_ids=read[None])[0], packed
    )  # (L, D), whatever is taken out
    taken = torch.eye(image_tokens.shape[1], dtype=torch.bool, device=ids.device)  # (S, S): [CLS] is no patch
    whole = _match_scores(model, asking, image_tokens, torch.zeros_like(phrases[0]), taken[:1])
    falls = [
        whole - torch.cat([_match_scores(model, asking, image_tokens, phrase, part) for part in taken[1:].split(batch_size)])
        for phrase in phrases
    ]
    return torch.stack(falls).clamp(min=0)


def _match_scores(model: Cada, asking: Tensor, image_tokens: Tensor, phrase: Tensor, taken: Tensor) -> Tensor:
    """The match logit less the mismatch logit (B) of one caption with one image, whose tokens `taken` (B, S) the `phrase` (L) cannot read.

    asking (L, D): the caption after the first layer's self-attention. In the first layer the phrase's states alone depend on what is
    taken, and of the last one [ENC]'s alone is read.
    """
    first, *others = model.text_encoder.bert.encoder.layer
    count, length = len(taken), len(asking)
    images = torch.zeros(count, dtype=torch.long, device=taken.device)
    packed = Packed(np.full(count, length), taken.device)
    starts = torch.from_numpy(packed.starts).to(taken.device)
    own = asking[phrase].expand(count, -1, -1)
    states = read_in_layer(first, asking[None], image_tokens, images[:1]).repeat(count, 1, 1)  # (B, L, D)
    states[:, phrase] = read_in_layer(first, own, image_tokens, images, ~taken[:, None].expand(-1, own.shape[1], -1))
    for layer in others[:-1]:
        asked = self_attention(layer.attention, states.flatten(0, 1), packed).view_as(states)
        states = read_in_layer(layer, asked, image_tokens, images, ~(phrase[None, :, None] & taken[:, None]))
    for layer in others[-1:]:
        asked = self_attention(layer.attention, states.flatten(0, 1), packed, rows=starts)
        states = read_in_layer(layer, asked[:, None], image_tokens, images)  # (B, 1, D)
    logits = model.match_head(states[:, 0])
    return logits[:, 1] - logits[:, 0]
