"""What training keeps in memory, and what decoded images take, counted from the model's sizes.

A training sample is one pair, with what the objectives make of it. L tokens of a caption.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from cada.config import Architecture, Transformer
from cada.config.steps import Precision
from cada.model.cost import image_tokens, parameter_parts
from cada.objectives import OBJECTIVES
from cada.objectives.atp import rows_at_once

FP32 = 4  # bytes


@dataclass(frozen=True)
class Memory:
    """Bytes on one device at the peak of a training step."""

    weights: int  # with the best so far and, in bf16, a copy of that type
    gradients: int  # those that are there by then
    optimizer: int  # AdamW's two moments
    activations: int  # with the images and their tokens

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
class _Pass:
    """What one sample's way through a transformer takes: what is kept of it for its backward pass, what else is there meanwhile, and
    the parts of the model that it gives a gradient. `at_once`: it has its gradient before the next pass begins.
    """

    kept: int
    passing: int
    trains: frozenset[str]
    at_once: bool = False


def _passes(
    architecture: Architecture,
    objectives: Collection[str],
    *,
    vocabulary: int,
    tokens: int,
    precision: Precision,
    checkpointing: bool,
    fused: bool,
) -> list[_Pass]:
    """Those of a training step, in their order. The gradients of a layer's own values are about half of what it keeps, measured, and a
    quarter at the peak of one that is computed again.
    """
    vision, text, images = architecture.vision, architecture.text, image_tokens(architecture)
    image, caption, random = FP32 * images * vision.width, FP32 * tokens * text.width, architecture.dropout > 0

    def through(sizes: Transformer, layer: int, inputs: int) -> tuple[int, int]:
        return (sizes.depth * inputs, layer * 5 // 4) if checkpointing else (sizes.depth * layer, layer // 2)

    alone, reading = (layer_bytes(text, tokens, images=read, precision=precision, dropout=random, fused=fused) for read in (0, images))
    found = [
        _Pass(*through(vision, layer_bytes(vision, images, precision=precision), image), frozenset({"image", "projections"})),
        _Pass(*through(text, alone, caption), frozenset({"text", "projections"})),
    ]
    for own in (OBJECTIVES[name] for name in OBJECTIVES if name in objectives and OBJECTIVES[name].costs):
        kept, passing = through(text, reading, caption)
        logits = math.ceil(FP32 * own.predicts * tokens * vocabulary)
        kept += logits + (image if own.at_once else 0)  # their logarithms; the tokens of the images that are read
        found.append(_Pass(kept, max(passing, 2 * logits), frozenset(own.trains) - {"image"}, own.at_once))
    return found


def _moments(passes: Sequence[_Pass], *, own: int, chunk: int, at_once: int, shared: int, late: bool) -> Iterator[tuple[list[str], int]]:
    """The peaks of a step of `own` pairs, `chunk` of them in memory, or `at_once` rows of what goes at once.

    Each with the parts whose gradients are there by then, as often as they are, and bytes of activations.
    Forward, what goes at once is gone when the next begins, but for its gradients, to which those of each chunk are added. Backward the
    others go in the reverse order: the last layers' gradients come while most of the activations are there, the first layers' when few
    are; in chunks, each of which is alone, the gradients of the earlier ones are there. What goes at once has `shared` bytes for all
    its chunks, which wait for its turn in the backward pass; its gradients are added to the others then, or with `late` at the end.
    """
    whole, there, stored, done = chunk == own, 0, set[str](), set[str]()
    for one in passes:
        if one.at_once:
            stored |= one.trains
            there += shared
            yield [*stored], there + at_once * (one.kept + one.passing)
            yield [*stored, *one.trains], there
        elif whole:
            there += own * one.kept
    for one in reversed(passes):
        if one.at_once:
            there -= shared
            if not late:
                stored -= one.trains
                done |= one.trains
            continue
        if whole:
            yield [*stored, *done], there + own * one.passing
            there -= own * one.kept
        done |= one.trains
        yield [*stored, *done], there + chunk * (one.passing + (0 if whole else one.kept))


def training_memory(
    architecture: Architecture,
    *,
    objectives: Collection[str],
    vocabulary: int,
    tokens: int,
    batch: int,
    processes: int,
    precision: Precision,
    checkpointing: bool,
    micro_batch: int | None,
    fused: bool = True,
) -> Memory:
    """One process that trains its share of `batch` pairs by `objectives`, by name, every caption L tokens long, at the peak of a step.

    The activations of an objective that has its gradient at once, chunk by chunk (ATP), are gone when the next one begins; those of
    the others and of the encoders stay until the backward pass. In chunks of `micro_batch` pairs the activations of one chunk of one
    pass are there at a time. All beside every image's tokens and, where an objective reads them, their gradient.
    """
    parts = parameter_parts(architecture, vocabulary=vocabulary)
    trained = {part for name in objectives for part in OBJECTIVES[name].trains}
    own, gathered = math.ceil(batch / processes), batch if processes > 1 else math.ceil(batch / processes)

    def size(some: Collection[str]) -> int:
        return FP32 * sum(parts[part] for part in some if part in trained)

    whole = min(micro_batch or own, own)
    at_once = rows_at_once(own, micro_batch=micro_batch and whole, few_calls=fused)
    passes = _passes(
        architecture, objectives, vocabulary=vocabulary, tokens=tokens, precision=precision, checkpointing=checkpointing, fused=fused
    )
    read = min(gathered, 2 * own) * image_tokens(architecture) * architecture.text.width
    shared = 4 * architecture.text.depth * read * (FP32 // 2 if precision == "bf16" else FP32)  # keys, values and their gradients
    found = _moments(passes, own=own, chunk=whole, at_once=at_once, shared=shared if fused else 0, late=fused and processes == 1)
    moments = [(size(some), kept) for some, kept in found]
    if processes > 1:
        moments.append((2 * size(trained), 0))  # gradients are summed over processes in one piece
    gradients, activations = max(moments, key=sum)
    pixels = own * 3 * math.prod(architecture.image_size)
    encoded = gathered * image_tokens(architecture) * architecture.vision.width * (2 if len(passes) > 2 else 1)
    count = sum(parts.values())
    return Memory(
        weights=count * (2 * FP32 + (FP32 // 2 if precision == "bf16" else 0)),
        gradients=gradients,
        optimizer=2 * size(trained),
        activations=activations + FP32 * (pixels + encoded),
    )


def image_bytes(architecture: Architecture, images: int) -> int:
    """Decoded images: one byte for each of three colours of a pixel."""
    return images * 3 * math.prod(architecture.image_size)
