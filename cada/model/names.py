"""The names of the parameters in our files: the same with every release of transformers.

The parts inside transformers' ViTModel are named otherwise in almost every second release, so that they are found by
their structure: the linear layers and the norms of a layer, in the order in which it defines them. BERT's names are those
of its published weights and have stayed; they are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from cada.model.cada import Cada
from cada.model.encoders import layers_of

LINEARS = ("query", "key", "value", "output", "fc1", "fc2")
NORMS = ("norm1", "norm2")  # before the attention, before the MLP


def parameters_of(model: Cada) -> dict[str, nn.Parameter]:
    """Every parameter once, tied ones under their first name, by the names that our files use."""
    vit = model.image_encoder.vit
    ours = {id(parameter): f"image_encoder.{part}.{kind}" for part, module in _parts(vit) for kind, parameter in module.named_parameters()}
    ours[id(vit.embeddings.cls_token)] = "image_encoder.cls_token"
    ours[id(vit.embeddings.position_embeddings)] = "image_encoder.position_embeddings"
    unknown = [name for name, parameter in vit.named_parameters() if id(parameter) not in ours]
    assert not unknown, f"this release of transformers has a ViT with other parts: {unknown}"
    return {ours.get(id(parameter), name): parameter for name, parameter in model.named_parameters()}


def _parts(vit: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a ViT that own weights, by our names."""
    (patches,) = _of_kind(vit, nn.Conv2d)
    yield "patch_embedding", patches
    inside = set()
    for number, layer in enumerate(layers_of(vit)):
        for names, kind in ((LINEARS, nn.Linear), (NORMS, nn.LayerNorm)):
            for name, part in zip(names, _of_kind(layer, kind), strict=True):
                yield f"layers.{number}.{name}", part
        inside |= set(layer.modules())
    (norm,) = (module for module in _of_kind(vit, nn.LayerNorm) if module not in inside)
    yield "norm", norm


def _of_kind(module: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, kind)]
