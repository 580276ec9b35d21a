"""Weights under the published names (method section 2) to the names of our files."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from cada.model.cada import Cada
from cada.model.names import parameters_of

_TOP = {
    "vision_proj": "image_projection",
    "text_proj": "text_projection",
    "itm_head": "match_head",
    "itm_local_head": "local_match_head",
    "text_encoder": "text_encoder.bert",
    "text_decoder": "attribute_decoder.bert",
}
_VIT = {"cls_token": "cls_token", "pos_embed": "position_embeddings", "patch_embed.proj": "patch_embedding", "norm": "norm"}
_VIT_LAYER = {
    "norm1": ("norm1",),
    "norm2": ("norm2",),
    "attn.qkv": ("query", "key", "value"),
    "attn.proj": ("output",),
    "mlp.fc1": ("fc1",),
    "mlp.fc2": ("fc2",),
}
_HEAD = "text_decoder.cls.predictions"
# One parameter under two names. A file may hold both with different values: in BLIP's pre-training the decoder takes over the
# text encoder's embeddings and keeps its head. The published code then ends with the value under the name on the right.
TIED = {
    "text_decoder.bert.embeddings.word_embeddings.weight": f"{_HEAD}.decoder.weight",
    f"{_HEAD}.bias": f"{_HEAD}.decoder.bias",
}
_FIRST_NAME = {last: first for first, last in TIED.items()}
_MOMENTUM = re.compile(r"(visual_encoder|text_encoder|vision_proj|text_proj)_m\..+")
_PRETRAINING = {"image_queue", "text_queue", "idx_queue", "queue_ptr", "ptr_queue", "temp"}


def translate(name: str) -> tuple[str, ...]:
    """Our names of a published parameter, in the order of its rows: three for a fused `qkv`, none for an unknown name."""
    name = _FIRST_NAME.get(name, name)
    if inner := re.fullmatch(r"visual_encoder\.(.+?)(\.weight|\.bias|)", name):
        part, kind = inner.groups()
        layer = re.fullmatch(r"blocks\.(\d+)\.(.+)", part)
        if layer:
            return tuple(f"image_encoder.layers.{layer[1]}.{ours}{kind}" for ours in _VIT_LAYER.get(layer[2], ()))
        return (f"image_encoder.{_VIT[part]}{kind}",) if part in _VIT else ()
    top, _, rest = name.partition(".")
    return (f"{_TOP[top]}.{rest}",) if top in _TOP else ()


def without_use(state: Mapping[str, Tensor]) -> dict[str, str]:
    """The entries of a published state dict that carry nothing for the model, each with the reason."""
    reasons = {}
    for name in state:
        if name.endswith(".position_ids"):
            reasons[name] = "position ids"
        elif name in _PRETRAINING:
            reasons[name] = "queues and temperature of the pre-training"
        elif _MOMENTUM.fullmatch(name):
            reasons[name] = "momentum copies of the pre-training"
        elif TIED.get(name) in state:
            reasons[name] = f"tied to {TIED[name]}, which is taken"
    return reasons


def pieces(name: str, value: Tensor) -> dict[str, Tensor]:
    """Our weights in one published entry; empty for an unknown name."""
    ours = translate(name)
    return dict(zip(ours, value.tensor_split(3), strict=True)) if len(ours) == 3 else dict.fromkeys(ours, value)


def published_gradients(model: Cada, names: list[str]) -> dict[str, Tensor]:
    """The gradients of the model's parameters under their published names, `qkv` fused again."""
    ours = {name: parameter.grad for name, parameter in parameters_of(model).items() if parameter.grad is not None}
    return {name: torch.cat([ours[part] for part in translate(name)]) for name in names}
