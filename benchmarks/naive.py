"""The published procedure over the same weights (method sections 3 to 6), at its best reasonable form.

Every function says which habit of the published code it stands for. Nothing is slower than that code needs to be: batches are
batches, and products run on all threads.
Legend: B batch, L tokens, D width, S image tokens, Q captions, G images, K re-ranked, E common space.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cada import losses
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.phrases.words import attribute_words

PADDED = 73  # the published length of every caption
HIDDEN = -1e4  # added to the attention's logits at padding


@contextlib.contextmanager
def eager(model: Cada) -> Iterator[None]:
    """Attention as products and a softmax, each written to memory: the published code has no fused kernel."""
    parts: tuple[Any, ...] = (model.image_encoder.vit, model.text_encoder.bert, model.attribute_decoder.bert)
    for part in parts:
        part.set_attn_implementation("eager")
    try:
        yield
    finally:
        for part in parts:
            part.set_attn_implementation("sdpa")


def padded(captions: TokenizedCaptions, *, first: int | None = None) -> tuple[Tensor, Tensor]:
    """Ids and mask (Q, 73), whatever the captions' lengths; `first` replaces [CLS]."""
    ids = F.pad(torch.from_numpy(captions.ids.astype(np.int64)), (0, PADDED - captions.ids.shape[1]))
    if first is not None:
        ids[:, 0] = first
    return ids, torch.arange(PADDED) < torch.from_numpy(captions.lengths)[:, None]


def text_states(bert: Any, ids: Tensor, mask: Tensor, image_tokens: Tensor | None = None, *, causal: bool = False) -> Tensor:
    """All layers at all positions (B, L, D); each caption brings its own copy of the image tokens (B, S, D)."""
    visible = mask[:, None, None, :].float()  # (B, 1, 1, L)
    if causal:
        visible = visible * torch.ones(ids.shape[1], ids.shape[1], device=ids.device).tril()
    return bert(ids, attention_mask=(1 - visible) * HIDDEN, encoder_hidden_states=image_tokens).last_hidden_state


# --- the training step --------------------------------------------------------------------------------------------


def tagged_words(captions: Sequence[str], tokenizer: Tokenizer) -> Tensor:
    """Which tokens may be masked (B, 73), attribute words and [SEP]: NLTK tags the captions inside the step."""
    words = torch.zeros(len(captions), PADDED, dtype=torch.bool)
    for row, found in enumerate(attribute_words(tokenizer.pieces(captions))):
        kept = [False, *found[: PADDED - 2], True]
        words[row, : len(kept)] = torch.tensor(kept)
    return words


def hard_negatives(image_features: Tensor, text_features: Tensor, persons: Tensor) -> tuple[list[int], list[int]]:
    """A wrong image for each caption and a wrong caption for each image: a softmax, then one argmax at a time, read back."""
    with torch.no_grad():
        same = (persons[:, None] == persons[None, :]).to(image_features.device)
        by_caption = F.softmax(text_features @ image_features.T / losses.MINING_TEMPERATURE, dim=1).masked_fill(same, 0)
        by_image = F.softmax(image_features @ text_features.T / losses.MINING_TEMPERATURE, dim=1).masked_fill(same, 0)
        rows = range(len(persons))
        return [int(by_caption[row].argmax()) for row in rows], [int(by_image[row].argmax()) for row in rows]


def match_loss(model: Cada, ids: Tensor, mask: Tensor, image_tokens: Tensor, negatives: tuple[list[int], list[int]]) -> Tensor:
    """ATP in two passes: the pairs, then captions with wrong images and images with wrong captions, tokens copied one by one."""
    image, text = negatives
    bert, count = model.text_encoder.bert, len(ids)
    pairs = text_states(bert, ids, mask, image_tokens)
    wrong_tokens = torch.stack([image_tokens[row] for row in image])
    wrong_ids, wrong_mask = torch.stack([ids[row] for row in text]), torch.stack([mask[row] for row in text])
    others = text_states(bert, torch.cat([ids, wrong_ids]), torch.cat([mask, wrong_mask]), torch.cat([wrong_tokens, image_tokens]))
    hidden = torch.cat([pairs, others])  # (3B, L, D)
    labels = torch.cat([torch.ones(count), torch.zeros(2 * count)]).long().to(ids.device)
    loss = F.cross_entropy(model.match_head(hidden[:, 0]), labels)
    middle = 1 + (PADDED - 1) // 2
    groups = torch.cat([hidden[:, 1:middle].mean(dim=1), hidden[:, middle:].mean(dim=1)])  # padding included
    return loss + F.cross_entropy(model.local_match_head(groups), labels.repeat(2))


def attribute_loss(model: Cada, ids: Tensor, mask: Tensor, image_tokens: Tensor, selected: Tensor, *, mask_id: int) -> Tensor:
    """ARA with the vocabulary's logits at all 73 positions, most of which the loss then ignores."""
    decoder = model.attribute_decoder.bert
    hidden = text_states(decoder.bert, ids.masked_fill(selected, mask_id), mask, image_tokens, causal=True)
    logits = decoder.cls(hidden)  # (B, L, V)
    return F.cross_entropy(logits.flatten(0, 1), ids.masked_fill(~selected, -100).flatten())


def association_losses(
    model: Cada,
    images: Tensor,
    captions: Sequence[str],
    persons: Tensor,
    *,
    tokenizer: Tokenizer,
    weights: Mapping[str, float],
    rate: float,
    words: Tensor | None = None,
) -> dict[str, Tensor]:
    """One step's losses from normalised images (B, 3, H, W) and captions as text.

    Captions are tokenised, and unless `words` (B, 73) are given tagged, here in the step. To be called within `eager`.
    """
    tokens = tokenizer(captions)
    ids, mask = (part.to(images.device) for part in padded(tokens))
    image_tokens, image_features = model.encode_images(images)
    text_features = model.text_projection(text_states(model.text_encoder.bert, ids, mask)[:, 0])
    negatives = hard_negatives(image_features, text_features, persons)
    matched = ids.clone()
    matched[:, 0] = tokenizer.enc
    words = tagged_words(captions, tokenizer) if words is None else words
    selected = (words & (torch.rand(words.shape) < rate)).to(images.device)
    values = {
        "loss_global": losses.global_association(image_features, text_features, persons),
        "loss_atp": match_loss(model, matched, mask, image_tokens, negatives),
        "loss_ara": attribute_loss(model, ids, mask, image_tokens, selected, mask_id=tokenizer.mask),
    }
    return {"loss": torch.stack([weights[name] * values[f"loss_{name}"] for name in weights]).sum(), **values}


# --- the evaluation -----------------------------------------------------------------------------------------------


def encode_images(model: Cada, images: Tensor, *, batch_size: int) -> tuple[Tensor, Tensor]:
    """Normalised images (G, 3, H, W) to tokens (G, S, D), kept on the host, and unit features (G, E)."""
    parts = [model.encode_images(batch) for batch in images.split(batch_size)]
    return torch.cat([tokens.cpu() for tokens, _ in parts]), F.normalize(torch.cat([features for _, features in parts]), dim=-1)


def encode_texts(model: Cada, ids: Tensor, mask: Tensor, *, batch_size: int) -> Tensor:
    """Ids and mask (Q, 73) to unit features (Q, E)."""
    batches = zip(ids.split(batch_size), mask.split(batch_size), strict=True)
    states = [text_states(model.text_encoder.bert, *batch)[:, 0] for batch in batches]
    return F.normalize(model.text_projection(torch.cat(states)), dim=-1)


def match_logits(model: Cada, ids: Tensor, mask: Tensor, image_tokens: Tensor, candidates: np.ndarray) -> Tensor:
    """Logits (Q, K, 2) on the CPU, query by query: its candidates' tokens are copied together and to the device, its caption K times."""
    rows = []
    for caption, visible, images in zip(ids, mask, candidates, strict=True):
        tokens = image_tokens[torch.from_numpy(images)].to(ids.device)  # (K, S, D)
        count = len(images)
        states = text_states(model.text_encoder.bert, caption.repeat(count, 1), visible.repeat(count, 1), tokens)
        rows.append(model.match_head(states[:, 0]).cpu())
    return torch.stack(rows)


def metrics(scores: np.ndarray, query_persons: np.ndarray, gallery_persons: np.ndarray) -> dict[str, float]:
    """R@1, R@5, R@10 and mAP in percent of scores (Q, G), query by query."""
    hits: dict[str, list[float]] = {"R1": [], "R5": [], "R10": [], "mAP": []}
    for row, person in zip(scores, query_persons, strict=True):
        ranks = np.flatnonzero(gallery_persons[np.argsort(-row, kind="stable")] == person) + 1
        for k in (1, 5, 10):
            hits[f"R{k}"].append(float(ranks[0] <= k))
        hits["mAP"].append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)))
    return {name: 100 * float(np.mean(values)) for name, values in hits.items()}
