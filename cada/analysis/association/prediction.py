"""Image regions to text attributes: how likely the attribute decoder finds a masked phrase when parts of the image are taken away.

Patches are taken away before the image is encoded, because every image token has read the whole image; they are filled as training fills
what it erases.
Legend: K images, L tokens, P patches, S = 1 + P image tokens, D width, N phrases, M masked tokens of all phrases, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cada.datasets.images import MEAN
from cada.model.cada import Cada
from cada.model.tokenizer import Tokenizer


def reduced_images(image: Tensor, kept: Tensor, grid: tuple[int, int]) -> Tensor:
    """A normalised image (3, H, W) with those patches alone that `kept` (K, P) has: (K, 3, H, W)."""
    height, width = image.shape[1:]
    shown = kept.unflatten(1, grid).repeat_interleave(height // grid[0], 1).repeat_interleave(width // grid[1], 2)
    return torch.where(shown[:, None], image, torch.tensor(MEAN, device=image.device)[:, None, None])


@torch.no_grad()
def masked_words(model: Cada, ids: Tensor, images: Tensor, phrases: Tensor, *, batch_size: int) -> Tensor:
    """Log-probabilities (K, M, V) of every word piece in place of each masked token, phrase by phrase.

    ids (L): without padding. images (K, 3, H, W): normalised. phrases (N, L): the tokens of each phrase, which is masked alone.
    """
    tokens = torch.cat([model.encode_images(part)[0] for part in images.split(batch_size)])  # (K, S, D)
    masked = ids.expand(len(phrases), -1).masked_fill(phrases, model.tokenizer.mask)  # (N, L)
    found = []
    for part in tokens.split(max(1, batch_size // len(phrases))):
        count = len(part)
        read, chosen = masked.repeat(count, 1), phrases.repeat(count, 1)
        logits = model.attribute_decoder(read, torch.ones_like(read), part.repeat_interleave(len(phrases), dim=0), chosen)
        found.append(logits.log_softmax(dim=-1).unflatten(0, (count, -1)))
    return torch.cat(found)


def log_likelihoods(words: Tensor, ids: Tensor, phrases: Tensor) -> Tensor:
    """The log-likelihood (K, N), in nats, of each phrase's own tokens, from words (K, M, V)."""
    true = ids.expand(len(phrases), -1)[phrases]  # (M,)
    own = words.gather(2, true.expand(len(words), -1)[..., None])[..., 0]  # (K, M)
    return torch.stack([part.sum(dim=1) for part in own.split(phrases.sum(dim=1).tolist(), dim=1)], dim=1)


def colour_pieces(tokenizer: Tokenizer, wordings: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """The ids of each colour's words, of those that are one word piece."""
    read = {colour: [tokenizer([word]) for word in dict.fromkeys(words)] for colour, words in wordings.items()}
    return {colour: [int(one.ids[0, 1]) for one in found if one.lengths[0] == 3] for colour, found in read.items()}


def colours_right(words: Tensor, ids: Tensor, phrases: Tensor, colours: Mapping[str, Sequence[int]]) -> list[Tensor | None]:
    """For each phrase (N) in how many of the images (K) its colour, 1 or 0, is found most likely; None for one that names no or several.

    words (K, M, V). The probabilities of a colour's words are added up.
    """
    of_piece = {piece: place for place, pieces in enumerate(colours.values()) for piece in pieces}
    by_colour = torch.stack([words[..., list(pieces)].logsumexp(dim=-1) for pieces in colours.values()], dim=-1)  # (K, M, colours)
    found, first = [], 0
    for phrase in phrases:
        pieces = ids[phrase].tolist()
        places = [place for place, piece in enumerate(pieces) if piece in of_piece]
        told = by_colour[:, first + places[0]].argmax(dim=-1) == of_piece[pieces[places[0]]] if len(places) == 1 else None
        found.append(told)
        first += len(pieces)
    return found
