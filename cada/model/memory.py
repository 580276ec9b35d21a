"""What training keeps in memory, and what decoded images take, counted from the model's sizes.

A training sample is one pair, with its wrong ones: see `cada.model.cost`. L tokens of a caption.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from cada.config import Architecture, Transformer
from cada.config.steps import Precision
from cada.model.cost import PAIRS, image_tokens, parameter_count

MASKED = 0.5  # share of a caption's tokens that ARA masks, at most; only their logits are computed
FP32 = 4  # bytes


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
        _Part(PAIRS, text.depth, fusing, caption, head=image),  # the tokens of the images that are read, once
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

    In chunks of `micro_batch` pairs, the activations of one chunk of one part are there at a time, beside every image's
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


def image_bytes(architecture: Architecture, images: int) -> int:
    """Decoded images: one byte for each of three colours of a pixel."""
    return images * 3 * math.prod(architecture.image_size)
