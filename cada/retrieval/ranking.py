"""Two stages, exact: cosine for every pair, the match head for each query's first k (method section 5).

One rule for ties everywhere: the picture that comes first in the gallery comes first.
Legend: Q queries, G gallery, K re-ranked, P patches, D width.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from cada.data.loading import token_batch
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions


def rank(scores: np.ndarray) -> np.ndarray:
    """Scores (Q, G) to gallery indices (Q, G), best first."""
    return np.argsort(-scores, axis=1, kind="stable")


@torch.inference_mode()
def match_logits(
    model: Cada,
    captions: TokenizedCaptions,
    image_tokens: Tensor,
    candidates: np.ndarray,
    *,
    enc: int,
    batch_size: int,
    padded_to: int | None,
    device: torch.device,
) -> np.ndarray:
    """Logits (Q, K, 2) of the match head for each query's `candidates` (Q, K), rows of image_tokens (G, 1 + P, D).

    Pairs are taken in the order of their caption's length: a batch is padded to its longest caption only.
    """
    queries, k = candidates.shape
    pairs = np.argsort(np.repeat(captions.lengths, k), kind="stable")  # (Q * K,)
    images = torch.from_numpy(candidates.reshape(-1).astype(np.int64))
    logits = torch.empty(queries * k, 2)
    for start in tqdm(range(0, len(pairs), batch_size), desc="re-rank", disable=None, leave=False):
        chosen = pairs[start : start + batch_size]
        batch = token_batch(captions, chosen // k, padded_to=padded_to).to(device)
        chosen_pairs = torch.from_numpy(chosen)
        hidden = model.match_hidden(batch.ids, batch.mask, image_tokens[images[chosen_pairs]].to(device), enc=enc)
        logits[chosen_pairs] = model.match_head(hidden[:, 0]).float().cpu()
    return logits.view(queries, k, 2).numpy()


def fuse(logits: np.ndarray, cosine: np.ndarray, *, how: Literal["published", "calibrated"], weight: float | None = None) -> np.ndarray:
    """Scores (Q, K) of re-ranked pairs from match logits (Q, K, 2) and cosines (Q, K).

    `published`: the logit of class 1 + cosine. `calibrated`: log-probability of a match + `weight` * cosine.
    """
    if how == "published":
        return logits[..., 1] + cosine
    assert weight is not None
    match = logits[..., 1] - np.logaddexp(logits[..., 0], logits[..., 1])
    return match + weight * cosine


def rerank(first_stage: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Re-order the first K of each ranking (Q, G) by `scores` (Q, K); the tail keeps the order of the cosine.

    No fill value is added to the tail, so its order cannot be lost to rounding.
    """
    k = scores.shape[1]
    # candidates in gallery order first, so that ties fall to the earlier picture
    place = np.argsort(first_stage[:, :k], axis=1, kind="stable")
    order = np.argsort(-np.take_along_axis(scores, place, axis=1), axis=1, kind="stable")
    head = np.take_along_axis(first_stage[:, :k], np.take_along_axis(place, order, axis=1), axis=1)
    return np.concatenate([head, first_stage[:, k:]], axis=1)
