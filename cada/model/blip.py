"""BLIP as transformers stores it: its names to the published ones, and what its config.json says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import BlipTextConfig, BlipVisionConfig

from cada.errors import CadaError
from cada.storage.files import read_json

_EMBEDDINGS = {
    "embeddings.class_embedding": "cls_token",
    "embeddings.position_embedding": "pos_embed",
    "embeddings.patch_embedding": "patch_embed.proj",
    "post_layernorm": "norm",
}
_LAYER = {
    "self_attn.qkv": "attn.qkv",
    "self_attn.projection": "attn.proj",
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_VISION_EPS, _TEXT_EPS = 1e-6, 1e-12  # of the published model (method section 2)


@dataclass(frozen=True)
class BlipSizes:
    """What the shapes of the weights do not tell."""

    heads: tuple[int, int]  # image encoder, text encoder
    image_size: tuple[int, int]
    notes: tuple[str, ...]  # where the model differs from the published one


def published_name(name: str) -> str:
    """The published name of a parameter of transformers' BLIP; the text encoder, the decoder and the heads share theirs."""
    inner = re.fullmatch(r"vision_model\.(.+?)(\.weight|\.bias|)", name)
    if not inner:
        return name
    part, kind = inner.groups()
    layer = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)", part)
    if layer and layer[2] in _LAYER:
        return f"visual_encoder.blocks.{layer[1]}.{_LAYER[layer[2]]}{kind}"
    return f"visual_encoder.{_EMBEDDINGS[part]}{kind}" if part in _EMBEDDINGS else name


def is_transformers(state: Mapping[str, Tensor]) -> bool:
    """Whether the names are transformers' and not the published ones."""
    return any(name.startswith("vision_model.") for name in state)


def read_config(path: Path) -> BlipSizes:
    """Heads and image size from config.json; keys that it leaves out have the default of transformers' classes.

    Errors: `CadaError` for the configuration of another model, or of a BLIP that is computed otherwise than the published one.
    """
    values = read_json(path)
    if not isinstance(values, dict) or values.get("model_type") != "blip":
        raise CadaError(f"{path}: model_type: not the configuration of a BLIP model. Name a folder with a BLIP model for retrieval.")
    vision, text = (
        default().to_dict() | values.get(key, {}) for key, default in (("vision_config", BlipVisionConfig), ("text_config", BlipTextConfig))
    )
    for key, part in (("vision_config", vision), ("text_config", text)):
        if part["hidden_act"] != "gelu":
            raise CadaError(f"{path}: {key}.hidden_act: it is {part['hidden_act']}, the published model's is gelu.")
    size = vision["image_size"]
    return BlipSizes(
        heads=(vision["num_attention_heads"], text["num_attention_heads"]),
        image_size=(size, size) if isinstance(size, int) else (size[0], size[1]),
        notes=(*_eps_note("vision_config", vision, _VISION_EPS), *_eps_note("text_config", text, _TEXT_EPS)),
    )


def _eps_note(key: str, part: Mapping[str, Any], ours: float) -> tuple[str, ...]:
    eps = part["layer_norm_eps"]
    return () if eps == ours else (f"{key}.layer_norm_eps is {eps:g} in config.json; the published model's {ours:g} is used",)
