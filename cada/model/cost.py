"""What the model costs, counted from its sizes: parameters and floating-point operations.

A product of (n, a) and (a, b) is 2nab operations; norms, softmax, GELU and biases are left out (under 1 %). A training
sample is one pair: an image and a caption, with one wrong image and one wrong caption (ATP) and one masked caption (ARA).
Legend: P image tokens, [CLS] included; L tokens of a caption; D width; M mlp; V vocabulary; E common space.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from cada.objectives import OBJECTIVES

if TYPE_CHECKING:
    from cada.config import Architecture, Transformer

FORWARD_AND_BACKWARD = 3  # passes: the gradients of inputs and of weights take one forward pass each
PAIRS = 3  # a caption with its image, with a wrong image, and a wrong caption with the image
DUAL = ("global", "atp", "ara")
PRETRAINING = (*DUAL, "mlm")


def image_tokens(architecture: Architecture) -> int:
    """P: the patches and [CLS]."""
    (height, width), (rows, columns) = architecture.image_size, architecture.patch_size
    return 1 + (height // rows) * (width // columns)


def parameter_parts(architecture: Architecture, *, vocabulary: int) -> dict[str, int]:
    """Parameters by part: tied ones once, the token-type embeddings, which stay zero, not at all.

    "text" is what a caption alone goes through, "cross" what the text encoder adds to read an image.
    """
    wide, width, depth = architecture.vision.width, architecture.text.width, architecture.text.depth
    alone, fusing = (depth * _layer_parameters(architecture.text, attentions=number) for number in (1, 2))
    fusing += depth * 2 * width * (wide - width)  # keys and values are of image tokens
    embeddings = width * (vocabulary + architecture.positions + 2)
    image = wide * (1 + image_tokens(architecture)) + (3 * math.prod(architecture.patch_size) + 1) * wide + 2 * wide
    return {
        "image": image + architecture.vision.depth * _layer_parameters(architecture.vision, attentions=1),
        "text": embeddings + alone,
        "projections": (wide + width + 2) * architecture.projection,
        "cross": fusing - alone,
        "match head": 2 * (width + 1),
        "local match head": 2 * (width + 1),
        "decoder": embeddings + fusing,
        "word head": vocabulary + width * width + 3 * width,
    }


def parameter_count(architecture: Architecture, *, vocabulary: int) -> int:
    """All parameters of the model."""
    return sum(parameter_parts(architecture, vocabulary=vocabulary).values())


def trained_parameters(architecture: Architecture, *, vocabulary: int, objectives: Collection[str]) -> int:
    """The parameters that the objectives, by name, give a gradient."""
    parts = parameter_parts(architecture, vocabulary=vocabulary)
    return sum(parts[part] for part in {part for name in objectives for part in OBJECTIVES[name].trains})


def retrieval_parameters(architecture: Architecture, *, vocabulary: int, reranks: bool) -> int:
    """The parameters that a search reads: those of the first stage, and of the matching of pairs where it re-ranks."""
    parts = parameter_parts(architecture, vocabulary=vocabulary)
    return sum(parts[name] for name in ("image", "text", "projections", *(("cross", "match head") if reranks else ())))


def _layer_parameters(sizes: Transformer, *, attentions: int) -> int:
    """An attention's four products and its norm, as often as there are; the two products of the MLP and its norm."""
    width, mlp = sizes.width, sizes.mlp
    return attentions * (4 * width * (width + 1) + 2 * width) + 2 * width * mlp + mlp + 3 * width


def _self_layer_flops(sizes: Transformer, tokens: int) -> int:
    """Four products and two of the attention, then the MLP."""
    width, mlp = sizes.width, sizes.mlp
    return tokens * (8 * width * width + 4 * width * mlp) + 4 * tokens * tokens * width


def _cross_flops(sizes: Transformer, tokens: int, images: int) -> int:
    """What cross-attention adds to a layer, without its keys and values."""
    return 4 * tokens * sizes.width * sizes.width + 4 * tokens * images * sizes.width


def _cross_key_flops(architecture: Architecture) -> int:
    """One layer's keys and values of an image."""
    return 4 * image_tokens(architecture) * architecture.vision.width * architecture.text.width


def image_flops(architecture: Architecture) -> int:
    """One image through the image encoder."""
    tokens, sizes = image_tokens(architecture), architecture.vision
    patches = 2 * (tokens - 1) * 3 * math.prod(architecture.patch_size) * sizes.width
    return patches + sizes.depth * _self_layer_flops(sizes, tokens)


def text_flops(architecture: Architecture, *, tokens: int) -> int:
    """One caption of L tokens through the text encoder alone."""
    return architecture.text.depth * _self_layer_flops(architecture.text, tokens)


def pair_flops(architecture: Architecture, *, tokens: int) -> int:
    """One caption reading one image whose tokens are there."""
    sizes, images = architecture.text, image_tokens(architecture)
    layer = _self_layer_flops(sizes, tokens) + _cross_flops(sizes, tokens, images) + _cross_key_flops(architecture)
    return sizes.depth * layer


def forward_flops(architecture: Architecture, *, tokens: int, vocabulary: int) -> dict[str, int]:
    """A training sample of the dual objective, by part, logits at every position as published (method section 7)."""
    pair, width = pair_flops(architecture, tokens=tokens), architecture.text.width
    return {
        "image": image_flops(architecture),
        "text": text_flops(architecture, tokens=tokens),
        "pair": pair,
        "negatives": (PAIRS - 1) * pair,
        "decoder": pair,
        "vocabulary": 2 * tokens * width * (width + vocabulary),
    }


def training_flops(
    architecture: Architecture,
    *,
    samples: float,
    tokens: int,
    vocabulary: int,
    recomputed: int = 0,
    objectives: Collection[str] = DUAL,
) -> float:
    """`samples` forward and backward under `objectives`; `recomputed` says how often the backward pass repeats the forward one."""
    parts = forward_flops(architecture, tokens=tokens, vocabulary=vocabulary)
    used = ["image", "text", *(part for name in objectives for part in OBJECTIVES[name].costs)]
    return samples * (FORWARD_AND_BACKWARD + recomputed) * sum(parts[part] for part in used)


def rerank_flops(architecture: Architecture, *, top_k: int, tokens: int) -> int:
    """One query's caption reading `top_k` images whose keys and values are there."""
    sizes = architecture.text
    return top_k * sizes.depth * (_self_layer_flops(sizes, tokens) + _cross_flops(sizes, tokens, image_tokens(architecture)))


def search_flops(architecture: Architecture, *, images: int, tokens: int) -> int:
    """One query's caption encoded and compared with the features of `images` images."""
    return text_flops(architecture, tokens=tokens) + 2 * images * architecture.projection


def evaluation_flops(architecture: Architecture, *, images: int, captions: int, top_k: int, tokens: int) -> dict[str, int]:
    """A gallery and its queries, by stage, when each image's keys and values are computed once and serve all its pairs."""
    sizes = architecture.text
    return {
        "gallery": images * image_flops(architecture),
        "queries": captions * text_flops(architecture, tokens=tokens),
        "re-rank": images * sizes.depth * _cross_key_flops(architecture)
        + captions * rerank_flops(architecture, top_k=min(top_k, images), tokens=tokens),
    }
