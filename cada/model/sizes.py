"""The architecture of a checkpoint with published names, read from the shapes of its tensors.

Legend: P patches, D width, V vocabulary.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from cada.config import Architecture, complaint
from cada.errors import CadaError
from cada.model.positions import grid_of

MAX_TOKENS = 73  # the published length of a caption
HEAD_WIDTH = 64  # of a head of ViT-B and BERT-base, and of their larger sisters


class _Shapes:
    """Shapes by name; what is missing or has other dimensions is the user's mistake."""

    def __init__(self, state: Mapping[str, Tensor], source: str) -> None:
        self.state, self.source = state, source

    def of(self, name: str, dimensions: int) -> tuple[int, ...]:
        if name not in self.state:
            raise CadaError(f"{self.source}: {name} is missing, so this is no whole model for retrieval.")
        shape = tuple(self.state[name].shape)
        if len(shape) != dimensions:
            raise CadaError(f"{self.source}: {name} has shape {shape}, which has not {dimensions} dimensions.")
        return shape

    def depth(self, prefix: str) -> int:
        numbers = [int(found[1]) for name in self.state if (found := re.match(rf"{re.escape(prefix)}\.(\d+)\.", name))]
        if not numbers:
            raise CadaError(f"{self.source}: {prefix}.* is missing, so this is no whole model for retrieval.")
        return max(numbers) + 1


def architecture_of(
    state: Mapping[str, Tensor],
    *,
    heads: tuple[int, int] | None,
    image_size: tuple[int, int] | None,
    otherwise: tuple[int, int] | None,
    source: str,
) -> tuple[Architecture, int]:
    """The architecture and the number V of word embeddings.

    `heads` (image, text) are in no shape: without them a head is 64 wide. Without `image_size` (height, width) the
    grid of P patches is square, or that of the size `otherwise`. Errors: `CadaError` names a missing tensor, sizes that the
    model cannot have, or what must be given.
    """
    shapes = _Shapes(state, source)
    width, _, *patch = shapes.of("visual_encoder.patch_embed.proj.weight", 4)
    patches = shapes.of("visual_encoder.pos_embed", 3)[1] - 1
    words, text_width = shapes.of("text_encoder.embeddings.word_embeddings.weight", 2)
    positions, _ = shapes.of("text_encoder.embeddings.position_embeddings.weight", 2)
    vision_heads, text_heads = heads or (_heads(width, source), _heads(text_width, source))
    for count, divided in ((vision_heads, width), (text_heads, text_width)):
        if divided % count:
            raise CadaError(f"{source}: --heads: {count} does not divide the width {divided}.")
    size = image_size or _square(patches, patch) or otherwise
    if size is None:
        raise CadaError(f"{source}: {patches} patches are no square, so their grid is unknown. Give it: --image-size HEIGHT WIDTH.")
    if math.prod(grid_of(size, (patch[0], patch[1]))) != patches:
        raise CadaError(f"{source}: visual_encoder.pos_embed is for {patches} patches, which an image of {size[0]} x {size[1]} has not.")
    values = {
        "image_size": size,
        "patch_size": tuple(patch),
        "vision": {
            "width": width,
            "depth": shapes.depth("visual_encoder.blocks"),
            "heads": vision_heads,
            "mlp": shapes.of("visual_encoder.blocks.0.mlp.fc1.bias", 1)[0],
        },
        "text": {
            "width": text_width,
            "depth": shapes.depth("text_encoder.encoder.layer"),
            "heads": text_heads,
            "mlp": shapes.of("text_encoder.encoder.layer.0.intermediate.dense.bias", 1)[0],
        },
        "projection": shapes.of("vision_proj.bias", 1)[0],
        "max_tokens": min(MAX_TOKENS, positions),
        "positions": positions,
    }
    return _checked(values, source), words


def _checked(values: Mapping[str, Any], source: str) -> Architecture:
    """An architecture from the user's values; `CadaError` says which do not fit together."""
    try:
        return Architecture.model_validate(values)
    except ValidationError as error:
        said = complaint(error.errors()[0], Architecture)
        raise CadaError(f"{source}: {said} This model cannot take these weights.") from error


def _heads(width: int, source: str) -> int:
    if width % HEAD_WIDTH:
        raise CadaError(f"{source}: a width of {width} does not tell the number of heads. Give it: --heads IMAGE TEXT.")
    return width // HEAD_WIDTH


def _square(patches: int, patch: Sequence[int]) -> tuple[int, int] | None:
    side = math.isqrt(patches)
    return (side * patch[0], side * patch[1]) if side * side == patches else None
