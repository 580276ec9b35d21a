"""The architecture of a checkpoint with published names, read from the shapes of its tensors.

Legend: P patches, D width, V vocabulary.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pydantic import ValidationError
from torch import Tensor

from cada.config import Architecture, complaint
from cada.model.positions import grid_of

MAX_TOKENS = 73  # the published length of a caption
HEAD_WIDTH = 64  # of a head of ViT-B and BERT-base, and of their larger sisters


def architecture_of(
    state: Mapping[str, Tensor],
    *,
    heads: tuple[int, int] | None = None,
    image_size: tuple[int, int] | None = None,
    otherwise: tuple[int, int] | None = None,
) -> tuple[Architecture, int]:
    """The architecture and the number V of word embeddings.

    `heads` (image, text) are in no shape: without them a head is 64 wide. Without `image_size` (height, width) the
    grid of P patches is square, or that of the size `otherwise`. Errors: `ValueError` names a missing tensor, sizes that the
    model cannot have, or what must be given.
    """
    width, _, *patch = _shape(state, "visual_encoder.patch_embed.proj.weight", 4)
    patches = _shape(state, "visual_encoder.pos_embed", 3)[1] - 1
    words, text_width = _shape(state, "text_encoder.embeddings.word_embeddings.weight", 2)
    positions, _ = _shape(state, "text_encoder.embeddings.position_embeddings.weight", 2)
    side = math.isqrt(patches)
    size = image_size or ((side * patch[0], side * patch[1]) if side * side == patches else otherwise)
    if size is None:
        raise ValueError(f"{patches} patches are no square, so their grid is unknown. Give it: image size (height, width).")
    if math.prod(grid_of(size, (patch[0], patch[1]))) != patches:
        raise ValueError(f"visual_encoder.pos_embed is for {patches} patches, which an image of {size[0]} x {size[1]} has not.")
    image_heads, text_heads = heads or (_heads(width), _heads(text_width))
    values = {
        "image_size": size,
        "patch_size": tuple(patch),
        "vision": {
            "width": width,
            "depth": _depth(state, "visual_encoder.blocks"),
            "heads": image_heads,
            "mlp": _shape(state, "visual_encoder.blocks.0.mlp.fc1.bias", 1)[0],
        },
        "text": {
            "width": text_width,
            "depth": _depth(state, "text_encoder.encoder.layer"),
            "heads": text_heads,
            "mlp": _shape(state, "text_encoder.encoder.layer.0.intermediate.dense.bias", 1)[0],
        },
        "projection": _shape(state, "vision_proj.bias", 1)[0],
        "max_tokens": min(MAX_TOKENS, positions),
        "positions": positions,
    }
    try:
        return Architecture.model_validate(values), words
    except ValidationError as error:
        raise ValueError(f"{complaint(error.errors()[0], Architecture)} This model cannot take these weights.") from error


def _shape(state: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    if name not in state:
        raise ValueError(f"{name} is missing, so this is no whole model for retrieval.")
    shape = tuple(state[name].shape)
    if len(shape) != dimensions:
        raise ValueError(f"{name} has shape {shape}, which has not {dimensions} dimensions.")
    return shape


def _depth(state: Mapping[str, Tensor], prefix: str) -> int:
    numbers = [int(found[1]) for name in state if (found := re.match(rf"{re.escape(prefix)}\.(\d+)\.", name))]
    if not numbers:
        raise ValueError(f"{prefix}.* is missing, so this is no whole model for retrieval.")
    if (depth := max(numbers) + 1) != len(set(numbers)):
        missing = next(number for number in range(depth) if number not in numbers)
        raise ValueError(f"{prefix}.{missing}.* is missing, but there is {prefix}.{depth - 1}.*, so this is no whole model for retrieval.")
    return depth


def _heads(width: int) -> int:
    if width % HEAD_WIDTH:
        raise ValueError(f"a width of {width} does not tell the number of heads. Give it: heads (image, text).")
    return width // HEAD_WIDTH
