"""Text tokens to image patches: maps of where each phrase of a caption is read, by several attributions.

`attention_K`: the cross-attention of the match encoder's layer K, mean over heads. `gradient`: attention weighted by the gradient of
the match logit, as in `cada.analysis.attention`. `removal`: by how much the match score falls when a patch is taken out of the
cross-attention of the phrase's tokens, which is what the patch causes.
Legend: L tokens, P patches, S = 1 + P image tokens, D width, N phrases.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cada.analysis.attention import gradient_weighted, match_reading, phrase_maps
from cada.model.cada import Cada


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
    patches = image_tokens.shape[1] - 1
    everything = torch.ones(1, len(ids), patches + 1, dtype=torch.bool, device=ids.device)
    whole = _match_scores(model, ids, image_tokens, everything)
    taken = torch.eye(patches + 1, dtype=torch.bool, device=ids.device)[1:]  # (P, S)
    falls = []
    for phrase in phrases:
        readable = ~(phrase[None, :, None] & taken[:, None, :])  # (P, L, S)
        falls.append(whole - torch.cat([_match_scores(model, ids, image_tokens, part) for part in readable.split(batch_size)]))
    return torch.stack(falls).clamp(min=0)


def _match_scores(model: Cada, ids: Tensor, image_tokens: Tensor, readable: Tensor) -> Tensor:
    """The match logit less the mismatch logit (B) of one caption (L) with one image, read as `readable` (B, L, S) lets it."""
    count = len(readable)
    read = ids.expand(count, -1).clone()
    read[:, 0] = model.tokenizer.enc
    images = torch.zeros(count, dtype=torch.long, device=ids.device)
    states = model.text_encoder.read_images(read, torch.ones_like(read), image_tokens, images, readable)
    logits = model.match_head(states[:, 0])
    return logits[:, 1] - logits[:, 0]
