"""The names in our files, whatever the installed release of transformers calls its parts."""

from __future__ import annotations

import re

import torch
from torch import nn

from cada.model.cada import Cada
from cada.model.names import parameters_of


def test_every_parameter_has_one_name_of_its_own(model: Cada) -> None:
    ours = parameters_of(model)
    assert [id(value) for value in ours.values()] == [id(value) for value in model.parameters()]


def test_no_name_of_the_vit_is_transformers(model: Cada) -> None:
    names = [name for name in parameters_of(model) if name.startswith("image_encoder.")]
    parts = {name.removesuffix(".weight").removesuffix(".bias") for name in names}
    layers = {f"image_encoder.layers.{layer}.{part}" for layer in range(2) for part in ("query", "key", "value", "output", "fc1", "fc2")}
    layers |= {f"image_encoder.layers.{layer}.norm{number}" for layer in range(2) for number in (1, 2)}
    assert parts == layers | {f"image_encoder.{part}" for part in ("cls_token", "position_embeddings", "patch_embedding", "norm")}
    assert len(names) == 2 + 2 * (len(parts) - 2)


def test_parts_of_the_vit_are_used_where_their_names_say(model: Cada) -> None:
    """Which of query, key and value is computed first differs between releases; the next test tells them apart."""
    calls: list[nn.Module] = []
    parts = [part for part in model.image_encoder.modules() if isinstance(part, (nn.Linear, nn.LayerNorm, nn.Conv2d))]
    hooks = [part.register_forward_hook(lambda module, *_: calls.append(module)) for part in parts]
    with torch.no_grad():
        model.image_encoder(torch.zeros(1, 3, 32, 16))
    for hook in hooks:
        hook.remove()
    order = ("norm1", *["query, key or value"] * 3, "output", "norm2", "fc1", "fc2")
    inside = [f"layers.{layer}.{part}" for layer in range(2) for part in order]
    names = {id(value): name.removesuffix(".weight") for name, value in parameters_of(model).items()}
    found = [re.sub(r"\b(query|key|value)$", "query, key or value", names[id(module.weight)]) for module in calls]
    assert found == [f"image_encoder.{part}" for part in ("patch_embedding", *inside, "norm")]


@torch.no_grad()
def test_query_key_and_value_are_not_mistaken_for_one_another(model: Cada) -> None:
    """By what they do: queries of zero make the keys void, values of zero silence the attention."""
    ours, images = parameters_of(model), torch.randn(2, 3, 32, 16)

    def changes(part: str, silent: str) -> bool:
        saved = {name: value.clone() for name, value in ours.items()}
        for kind in ("weight", "bias"):
            for layer in range(2):
                ours[f"image_encoder.layers.{layer}.{silent}.{kind}"].zero_()
        before = model.image_encoder(images)
        for layer in range(2):
            ours[f"image_encoder.layers.{layer}.{part}.weight"].add_(torch.randn(24, 24))
        after = model.image_encoder(images)
        for name, value in saved.items():
            ours[name].copy_(value)
        return not torch.allclose(before, after, atol=1e-6)

    assert {pair: changes(*pair) for pair in [("key", "query"), ("value", "query"), ("query", "key"), ("query", "value")]} == {
        ("key", "query"): False,
        ("value", "query"): True,
        ("query", "key"): False,
        ("query", "value"): False,
    }
