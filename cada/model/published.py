"""Weights under the published names (method section 2) to the names of `cada.model.cada.Cada`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from cada.errors import CadaError
from cada.model.cada import Cada

_TOP = {
    "vision_proj": "image_projection",
    "text_proj": "text_projection",
    "itm_head": "match_head",
    "itm_local_head": "local_match_head",
    "text_encoder": "text_encoder.bert",
    "text_decoder": "attribute_decoder.bert",
}
_VIT = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
}
_VIT_LAYER = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.o_proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_QKV = re.compile(r"visual_encoder\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)")
# buffers, and copies of tied parameters
_REDUNDANT = re.compile(r"\.position_ids$|^text_decoder\.cls\.predictions\.decoder\.(weight|bias)$")


def translate(name: str) -> str | None:
    """Our name of a published parameter (`...attn.qkv.*` excepted); None where it carries nothing of its own."""
    if _REDUNDANT.search(name):
        return None
    if name.startswith("visual_encoder."):
        return "image_encoder.vit." + _translate_vit(name)
    top, _, rest = name.partition(".")
    return f"{_known(_TOP, top, name)}.{rest}"


def _translate_vit(name: str) -> str:
    inner = name.removeprefix("visual_encoder.")
    layer = re.fullmatch(r"blocks\.(\d+)\.(.+?)\.(weight|bias)", inner)
    if layer:
        number, part, kind = layer.groups()
        return f"layers.{number}.{_known(_VIT_LAYER, part, name)}.{kind}"
    part, _, kind = inner.rpartition(".") if inner.endswith((".weight", ".bias")) else (inner, "", "")
    return _known(_VIT, part, name) + (f".{kind}" if kind else "")


def _known(names: Mapping[str, str], part: str, name: str) -> str:
    if part not in names:
        raise CadaError(f"{name}: not a parameter of the published model.")
    return names[part]


def from_published(state: Mapping[str, Tensor], model: Cada) -> dict[str, Tensor]:
    """The published state dict as weights for `cada.model.folder.set_weights`.

    The fused `qkv` is cut in three. Token-type embeddings, which the published model lacks, stay zero.
    Errors: `CadaError` for a name that is not of the published model.
    """
    weights = {name: value.detach().clone() for name, value in model.named_parameters() if "token_type_embeddings" in name}
    for name, value in state.items():
        if match := _QKV.fullmatch(name):
            number, kind = match.groups()
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                weights[f"image_encoder.vit.layers.{number}.attention.{part}_proj.{kind}"] = piece
        elif ours := translate(name):
            weights[ours] = value
    return weights


def published_gradients(model: Cada, names: list[str]) -> dict[str, Tensor]:
    """The gradients of the model's parameters under their published names, `qkv` fused again."""
    ours = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    gradients = {}
    for name in names:
        if match := _QKV.fullmatch(name):
            number, kind = match.groups()
            gradients[name] = torch.cat([ours[f"image_encoder.vit.layers.{number}.attention.{part}_proj.{kind}"] for part in "qkv"])
        else:
            gradients[name] = ours[translate(name)]  # type: ignore[index]
    return gradients
