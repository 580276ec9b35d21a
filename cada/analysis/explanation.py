"""What a model makes of an image and a caption: where each phrase looks, how well it fits, and the words expected in its place.

Legend: N phrases, L tokens, P patches in rows and columns, S = 1 + P image tokens, T texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cada.analysis.attention import decoder_maps, match_maps
from cada.datasets.images import normalise
from cada.datasets.text import normalise_caption
from cada.model.cada import Cada
from cada.model.positions import grid_of
from cada.phrases.masking import Span, token_phrases
from cada.runtime.compute import autocast

MATCH, MASKED = "match", "masked word"  # who reads the phrases: the match encoder, and the decoder with the phrase masked
WORDS = 5  # expected words that are kept for each masked word


class Expected(NamedTuple):
    """A masked word piece, and the pieces that the decoder expects there with their probabilities, the likeliest first."""

    piece: str
    instead: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Explanation:
    """An image (height, width, 3) uint8 as the model reads it, and what the model makes of the phrases of a caption.

    match: the probability that the caption matches, and `matches` that each phrase alone does. maps: by the reader of the phrases,
    (N, rows, columns), not negative. expected: the masked words of each phrase, none where no decoder was asked.
    """

    image: np.ndarray
    match: float
    phrases: tuple[str, ...]
    matches: tuple[float, ...]
    maps: Mapping[str, np.ndarray]
    expected: tuple[tuple[Expected, ...], ...]


def explain(model: Cada, image: Image.Image, caption: str, *, spans: Sequence[Span], decodes: bool = True) -> Explanation:
    """The maps and expected words of those phrases of a caption whose tokens are not cut off.

    spans: of its phrases in the normalised caption, as `cada.phrases.parse` gives them. decodes: whether the decoder, which must have been
    trained, is asked too. Maps as in `cada.analysis.attention`.
    """
    height, width = model.architecture.image_size
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    with autocast(model.device, "fp32"):  # torch lets CUDA's convolutions round
        tokens, _ = model.encode_images(normalise(torch.from_numpy(resized.copy()).permute(2, 0, 1)[None].to(model.device)))
    ids, chosen, kept = phrase_tokens(model, caption, spans)
    text = normalise_caption(caption)
    phrases = tuple(text[slice(*spans[place])] for place in kept)
    whole, *alone = _matches(model, [caption, *phrases], tokens)
    maps: dict[str, Tensor] = {}
    expected: tuple[tuple[Expected, ...], ...] = ((),) * len(kept)
    if kept:
        maps[MATCH] = match_maps(model, ids, tokens, chosen)
    if kept and decodes:
        maps[MASKED] = decoder_maps(model, ids, tokens, chosen)
        expected = tuple(_expected(model, ids, tokens, phrase) for phrase in chosen)
    grid = grid_of(model.architecture.image_size, model.architecture.patch_size)
    drawn = {reader: found.unflatten(1, grid).cpu().numpy() for reader, found in maps.items()}
    return Explanation(resized, whole, phrases, tuple(alone), drawn, expected)


def phrase_tokens(model: Cada, caption: str, spans: Sequence[Span]) -> tuple[Tensor, Tensor, list[int]]:
    """The caption's ids (L,), the tokens of each phrase (N, L), and which of the spans these phrases are: the last may be cut off."""
    read = model.tokenizer([caption])
    of_phrases = np.array(token_phrases(list(zip(read.starts[0].tolist(), read.ends[0].tolist(), strict=True)), spans))
    kept = [place for place in range(len(spans)) if place in of_phrases]
    chosen = np.array([of_phrases == place for place in kept], dtype=bool).reshape(len(kept), len(of_phrases))
    ids = torch.from_numpy(read.ids[0].astype(np.int64)).to(model.device)
    return ids, torch.from_numpy(chosen).to(model.device), kept


@torch.no_grad()
def _matches(model: Cada, texts: Sequence[str], tokens: Tensor) -> list[float]:
    """The probability (T) that each text matches the image."""
    read = model.tokenizer(texts)
    ids = torch.from_numpy(read.ids.astype(np.int64)).to(model.device)
    mask = (torch.arange(ids.shape[1]) < torch.from_numpy(read.lengths)[:, None]).long().to(model.device)
    hidden = model.match_hidden(ids, mask, tokens.expand(len(ids), -1, -1))
    return model.match_head(hidden[:, 0]).softmax(dim=-1)[:, 1].tolist()


@torch.no_grad()
def _expected(model: Cada, ids: Tensor, tokens: Tensor, phrase: Tensor) -> tuple[Expected, ...]:
    """What the decoder expects in place of the tokens of one phrase (L), all of which are masked."""
    masked = ids.masked_fill(phrase, model.tokenizer.mask)[None]
    logits = model.attribute_decoder(masked, torch.ones_like(masked), tokens, phrase[None])
    likeliest = logits.softmax(dim=-1).topk(WORDS, dim=-1)
    pieces = model.tokenizer.tokens
    return tuple(
        Expected(piece, tuple(zip(pieces(found), values, strict=True)))
        for piece, found, values in zip(pieces(ids[phrase].tolist()), likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    )
