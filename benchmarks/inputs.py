"""What is measured: sizes of models and problems, and inputs drawn from a seed.

Legend: Q captions, G images, L tokens, K re-ranked, S image tokens, D width.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from cada.model.cada import Cada
from cada.model.cost import image_tokens
from cada.model.tokenizer import EXTRA_TOKENS, Tokenizer

if TYPE_CHECKING:
    from cada.config import Architecture

VOCABULARY = Path("params/synthpedes/vocab.txt")
WORDS = 30524  # of the published model; the captions use the first few hundred
MEDIAN, DEVIATION, SHORTEST, LONGEST = 26.4, 0.35, 8, 73  # of the lengths: log-normal, mean 28
LENGTHS = "log-normal (median 26.4, sigma 0.35), clipped to 8-73, mean 28"


@dataclass(frozen=True)
class _Transformer:
    width: int
    depth: int
    heads: int
    mlp: int


@dataclass(frozen=True)
class _Architecture:
    """The fields of `cada.config.Architecture`, without the package that checks what users write."""

    image_size: tuple[int, int]
    patch_size: tuple[int, int]
    vision: _Transformer
    text: _Transformer
    projection: int
    max_tokens: int = LONGEST
    positions: int = 512
    dropout: float = 0.1


def square(side: int, patch: int, *, width: int, depth: int, projection: int = 256) -> Architecture:
    """An architecture of the published proportions: heads of 64, an inner layer of four widths, equal depths."""
    sizes = _Transformer(width, depth, heads=max(1, width // 64), mlp=4 * width)
    return cast("Architecture", _Architecture((side, side), (patch, patch), sizes, sizes, projection))


@dataclass(frozen=True)
class Sizes:
    """How much is measured. `naive` is the number of queries that the naive loop takes in a round: it is no faster for more."""

    retrieval: Architecture
    training: Architecture
    small: Architecture  # of the whole evaluation and of the sweeps
    words: int
    rounds: int
    gallery: int  # images; as many captions
    top_k: int
    naive: int
    encoded: int  # images a round
    batch: int  # of training
    small_gallery: int  # images of the whole evaluation; as many captions
    small_top_k: int
    sweep: tuple[int, ...]  # factors by which a sweep grows
    files: int  # to decode
    metrics: tuple[int, int]  # captions and images


BASE = square(224, 16, width=768, depth=12)
SMALL = square(96, 16, width=192, depth=4)
CPU = Sizes(
    retrieval=BASE,
    training=square(224, 16, width=768, depth=4),
    small=SMALL,
    words=WORDS,
    rounds=3,
    gallery=32,
    top_k=32,
    naive=2,
    encoded=8,
    batch=8,
    small_gallery=96,
    small_top_k=16,
    sweep=(1, 2, 4, 8),
    files=48,
    metrics=(6156, 3074),
)
GPU = replace(CPU, training=BASE, rounds=5, gallery=256, naive=64, encoded=256, batch=24, small_gallery=512, small_top_k=32)
TINY = square(32, 16, width=64, depth=2, projection=16)
QUICK = Sizes(
    retrieval=TINY,
    training=TINY,
    small=TINY,
    words=600,
    rounds=2,
    gallery=6,
    top_k=4,
    naive=2,
    encoded=4,
    batch=4,
    small_gallery=6,
    small_top_k=4,
    sweep=(1, 2),
    files=4,
    metrics=(40, 20),
)


def tokenizer_of(words: int, vocabulary: Path = VOCABULARY) -> Tokenizer:
    """One of `words` tokens: those of the vocabulary file, and some that no caption has."""
    entries = Tokenizer.read(vocabulary, LONGEST).entries
    unused = range(words - len(entries) - len(EXTRA_TOKENS))
    return Tokenizer([*entries, *(f"[unused{number}]" for number in unused)], LONGEST)


def model_of(architecture: Architecture, tokenizer: Tokenizer, *, device: torch.device) -> Cada:
    """A fresh model; untrained weights cost what trained ones do."""
    torch.manual_seed(0)
    return Cada(architecture, tokenizer).to(device).eval()


def caption_lengths(count: int, *, seed: int = 0) -> np.ndarray:
    """Lengths (Q,) in tokens: the distribution's own quantiles, in an order drawn by chance, so that few have its mean too."""
    normal = statistics.NormalDist()
    quantiles = [normal.inv_cdf((place + 0.5) / count) for place in range(count)]
    lengths = np.array([round(MEDIAN * math.exp(DEVIATION * value)) for value in quantiles])
    return np.random.default_rng(seed).permutation(lengths.clip(SHORTEST, LONGEST))


def captions_of(lengths: np.ndarray, tokenizer: Tokenizer, *, seed: int = 0) -> list[str]:
    """Captions of `lengths` (Q,) tokens with [CLS] and [SEP], of words drawn by chance that are one piece each."""
    words = [entry for entry in tokenizer.entries if entry.isalpha() and len(entry) > 1]
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(words, size=length - 2)) for length in lengths]


def images_of(architecture: Architecture, count: int, *, seed: int = 0) -> Tensor:
    """uint8 images (G, 3, H, W) of noise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, *architecture.image_size), dtype=torch.uint8, generator=generator)


def tokens_of(architecture: Architecture, count: int, *, seed: int = 0) -> Tensor:
    """Image tokens (G, S, D) as a final norm leaves them."""
    shape = (count, image_tokens(architecture), architecture.vision.width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def candidates_of(captions: int, images: int, top_k: int, *, seed: int = 0) -> np.ndarray:
    """Different images for each caption (Q, K); captions * K / images pairs for each image, one more or less."""
    draw = np.random.default_rng(seed)
    places = np.arange(captions)[:, None] * top_k + np.arange(top_k)
    return draw.permuted(draw.permutation(images)[places % images], axis=1)
