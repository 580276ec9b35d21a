"""What the model costs, counted from its sizes: parameters, floating-point operations, memory while training.

A product of (n, a) and (a, b) is 2nab operations; norms, softmax, GELU and biases are left out (under 1 %). A training
sample is one pair: a picture and a caption, with one wrong picture and one wrong caption (ATP) and one masked caption (ARA).
Legend: P image tokens, [CLS] included; L tokens of a caption; D width; M mlp; V vocabulary; E common space.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from cada.config import Architecture, Transformer
from cada.config.steps import Precision
from cada.objectives import OBJECTIVES

FORWARD_AND_BACKWARD = 3  # passes: the gradients of inputs and of weights take one forward pass each
PAIRS = 3  # a caption with its picture, with a wrong picture, and a wrong caption with the picture
MASKED = 0.5  # share of a caption's tokens that ARA masks, at most; only their logits are computed
FP32 = 4  # bytes
DUAL = ("global", "atp", "ara")


def image_tokens(architecture: Architecture) -> int:
    """P: the patches and [CLS]."""
    (height, width), (rows, columns) = architecture.image_size, architecture.patch_size
    return 1 + (height // rows) * (width // columns)


def parameter_parts(architecture: Architecture, *, vocabulary: int) -> dict[str, int]:
    """Parameters by part: tied ones once, the token-type embeddings, which stay zero, not at all.

    "text" is what a caption alone goes through, "cross" what the text encoder adds to read a picture.
    """
    width, patch, depth = architecture.text.width, math.prod(architecture.patch_size), architecture.text.depth
    alone, fusing = (depth * _layer_parameters(architecture.text, attentions=number) for number in (1, 2))
    embeddings = width * (vocabulary + architecture.positions + 2)
    image = width * (1 + image_tokens(architecture)) + (3 * patch + 1) * width + 2 * width
    return {
        "image": image + architecture.vision.depth * _layer_parameters(architecture.vision, attentions=1),
        "text": embeddings + alone,
        "projections": 2 * (width + 1) * architecture.projection,
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


# --- operations ---------------------------------------------------------------------------------------------------


def _self_layer_flops(sizes: Transformer, tokens: int) -> int:
    """Four products and two of the attention, then the MLP."""
    width, mlp = sizes.width, sizes.mlp
    return tokens * (8 * width * width + 4 * width * mlp) + 4 * tokens * tokens * width


def _cross_flops(sizes: Transformer, tokens: int, images: int) -> int:
    """What cross-attention adds to a layer, without its keys and values."""
    return 4 * tokens * sizes.width * sizes.width + 4 * tokens * images * sizes.width


def _cross_key_flops(sizes: Transformer, images: int) -> int:
    """One layer's keys and values of an image."""
    return 4 * images * sizes.width * sizes.width


def image_flops(architecture: Architecture) -> int:
    """One picture through the image encoder."""
    tokens, sizes = image_tokens(architecture), architecture.vision
    patches = 2 * (tokens - 1) * 3 * math.prod(architecture.patch_size) * sizes.width
    return patches + sizes.depth * _self_layer_flops(sizes, tokens)


def text_flops(architecture: Architecture, *, tokens: int) -> int:
    """One caption of L tokens through the text encoder alone."""
    return architecture.text.depth * _self_layer_flops(architecture.text, tokens)


def pair_flops(architecture: Architecture, *, tokens: int) -> int:
    """One caption reading one picture whose tokens are there."""
    sizes, images = architecture.text, image_tokens(architecture)
    layer = _self_layer_flops(sizes, tokens) + _cross_flops(sizes, tokens, images) + _cross_key_flops(sizes, images)
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
    """One query's caption reading `top_k` pictures whose keys and values are there."""
    sizes = architecture.text
    return top_k * sizes.depth * (_self_layer_flops(sizes, tokens) + _cross_flops(sizes, tokens, image_tokens(architecture)))


def search_flops(architecture: Architecture, *, images: int, tokens: int) -> int:
    """One query's caption encoded and compared with the features of `images` pictures."""
    return text_flops(architecture, tokens=tokens) + 2 * images * architecture.projection


def evaluation_flops(architecture: Architecture, *, images: int, captions: int, top_k: int, tokens: int) -> dict[str, int]:
    """A gallery and its queries, by stage, when each picture's keys and values are computed once and serve all its pairs."""
    sizes, size = architecture.text, image_tokens(architecture)
    return {
        "gallery": images * image_flops(architecture),
        "queries": captions * text_flops(architecture, tokens=tokens),
        "re-rank": images * sizes.depth * _cross_key_flops(sizes, size)
        + captions * rerank_flops(architecture, top_k=min(top_k, images), tokens=tokens),
    }


# --- memory -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """Bytes on one device while a model is trained."""

    weights: int  # with the best so far and, in bf16, a copy of that type
    gradients: int
    optimizer: int  # AdamW's two moments
    activations: int  # what the backward pass needs, at its peak

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations


def layer_bytes(
    sizes: Transformer, tokens: int, *, images: int = 0, precision: Precision, dropout: bool = False, fused: bool = True
) -> int:
    """What one layer keeps of one sequence for the backward pass; `images` tokens are read by cross-attention, 0: none.

    Inputs of products and of attention in `precision`, inputs of norms in fp32. Autocast casts an input once for each
    product that reads it. `fused`: dropout inside the attention kernel and masks of one byte, as on CUDA; a CPU keeps three
    attention matrices and masks in fp32.
    """
    hidden, half = tokens * sizes.width, precision == "bf16"
    size = FP32 // 2 if half else FP32
    products = (3 if half else 1) + 4 + 1  # input of q, k, v; these and the result; input of the MLP
    kept = size * (products * hidden + 2 * tokens * sizes.mlp) + FP32 * 2 * hidden
    if images:
        keys = images * sizes.width
        kept += size * (3 * hidden + 2 * keys + (2 * keys if half else 0)) + FP32 * hidden
    if dropout:
        kept += (3 if images else 2) * hidden * (1 if fused else FP32)
        kept += 0 if fused else 3 * FP32 * sizes.heads * tokens * (tokens + images)
    return kept


@dataclass(frozen=True)
class _Part:
    """One transformer's pass over a training sample: `copies` sequences of `tokens`, `head` bytes behind the last layer."""

    copies: int
    depth: int
    layer: int
    inputs: int
    head: int = 0

    def kept(self, *, checkpointing: bool) -> int:
        if not checkpointing:
            return self.copies * self.depth * self.layer + self.head
        return self.copies * (self.depth * self.inputs + self.layer) + self.head


def _parts(architecture: Architecture, *, tokens: int, vocabulary: int, precision: Precision, fused: bool) -> list[_Part]:
    vision, text, images = architecture.vision, architecture.text, image_tokens(architecture)
    random = architecture.dropout > 0
    alone = layer_bytes(text, tokens, precision=precision, dropout=random, fused=fused)
    fusing = layer_bytes(text, tokens, images=images, precision=precision, dropout=random, fused=fused)
    image, caption = FP32 * images * vision.width, FP32 * tokens * text.width
    logits = math.ceil(3 * FP32 * MASKED * tokens * vocabulary)  # with their logarithms and their gradient
    return [
        _Part(1, vision.depth, layer_bytes(vision, images, precision=precision), image),
        _Part(1, text.depth, alone, caption),
        _Part(PAIRS, text.depth, fusing, caption, head=image),  # the tokens of the pictures that are read, once
        _Part(1, text.depth, fusing, caption, head=logits),
    ]


def training_memory(
    architecture: Architecture,
    *,
    vocabulary: int,
    tokens: int,
    batch: int,
    processes: int,
    precision: Precision,
    checkpointing: bool,
    micro_batch: int | None,
    fused: bool = True,
) -> Memory:
    """One process that trains its share of `batch` pairs under the dual objective, every caption L tokens long.

    In chunks of `micro_batch` pairs, the activations of one chunk of one part are there at a time, beside every picture's
    tokens and their gradient.
    """
    count, own = parameter_count(architecture, vocabulary=vocabulary), math.ceil(batch / processes)
    parts = _parts(architecture, tokens=tokens, vocabulary=vocabulary, precision=precision, fused=fused)
    kept = [part.kept(checkpointing=checkpointing) for part in parts]
    chunk = min(micro_batch or own, own)
    activations = sum(kept) * own if chunk == own else max(kept) * chunk
    pixels = own * 3 * math.prod(architecture.image_size)
    gathered = batch if processes > 1 else own
    encoded = 2 * gathered * image_tokens(architecture) * architecture.vision.width
    return Memory(
        weights=count * (2 * FP32 + (FP32 // 2 if precision == "bf16" else 0)),
        gradients=count * FP32 * (2 if processes > 1 else 1),  # summed over processes in one piece
        optimizer=count * 2 * FP32,
        activations=activations + FP32 * (pixels + encoded),
    )


def picture_bytes(architecture: Architecture, images: int) -> int:
    """Decoded pictures: one byte for each of three colours of a pixel."""
    return images * 3 * math.prod(architecture.image_size)
