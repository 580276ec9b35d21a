"""Which token sees which: both modes of the text encoder, the causal decoder, and what is left out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cada.config import Architecture, Transformer
from cada.model.cada import Cada
from cada.model.encoders import TextEncoder, initial_deviation, sine_cosine_positions

LENGTH = 7


@pytest.fixture
def ids() -> Tensor:
    return torch.randint(5, 17, (2, LENGTH), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(2, 9, 24, generator=torch.Generator().manual_seed(2))


def changed(before: Tensor, after: Tensor) -> list[bool]:
    """For each position, whether its state differs."""
    return [not torch.allclose(before[:, place], after[:, place], atol=1e-6) for place in range(before.shape[1])]


@torch.no_grad()
@pytest.mark.parametrize("mode", ["text", "multimodal"])
@pytest.mark.parametrize("place", [0, 3, LENGTH - 1])
def test_text_is_read_in_both_directions_in_both_modes(model: Cada, ids: Tensor, tokens: Tensor, mode: str, place: int) -> None:
    image, mask = tokens if mode == "multimodal" else None, torch.ones_like(ids)
    other = ids.clone()
    other[:, place] = 4
    assert all(changed(model.text_encoder(ids, mask, image), model.text_encoder(other, mask, image)))


@torch.no_grad()
@pytest.mark.parametrize("place", [0, 3, LENGTH - 1])
def test_the_decoder_sees_what_stands_before(model: Cada, ids: Tensor, tokens: Tensor, place: int) -> None:
    mask = torch.ones_like(ids)
    everywhere = mask.bool()
    other = ids.clone()
    other[:, place] = 4
    before, after = (model.attribute_decoder(words, mask, tokens, everywhere).view(2, LENGTH, -1) for words in (ids, other))
    assert changed(before, after) == [position >= place for position in range(LENGTH)]


@torch.no_grad()
@pytest.mark.parametrize("mode", ["text", "multimodal"])
def test_padding_is_not_seen(model: Cada, ids: Tensor, tokens: Tensor, mode: str) -> None:
    image, mask = tokens if mode == "multimodal" else None, torch.ones_like(ids)
    mask[:, 5:] = 0
    other = ids.clone()
    other[:, 5:] = 4
    before, after = model.text_encoder(ids, mask, image), model.text_encoder(other, mask, image)
    assert changed(before, after)[:5] == [False] * 5
    assert torch.allclose(before[:, :5], model.text_encoder(ids[:, :5], mask[:, :5], image), atol=1e-6)


@torch.no_grad()
def test_cross_attention_is_skipped_without_an_image(model: Cada, ids: Tensor, tokens: Tensor) -> None:
    mask = torch.ones_like(ids)
    alone = model.text_encoder(ids, mask)
    spoilt = 0
    for name, value in model.text_encoder.named_parameters():
        if "crossattention" in name:
            value.fill_(torch.nan)
            spoilt += 1
    assert spoilt == 2 * 10  # layers x (query, key, value, dense and LayerNorm, each with weight and bias)
    assert torch.equal(model.text_encoder(ids, mask), alone)
    assert model.text_encoder(ids, mask, tokens).isnan().all()


@torch.no_grad()
def test_every_image_token_is_read(model: Cada, ids: Tensor, tokens: Tensor) -> None:
    mask = torch.ones_like(ids)
    before = model.text_encoder(ids, mask, tokens)
    for place in range(tokens.shape[1]):
        other = tokens.clone()
        other[:, place] += torch.randn(24, generator=torch.Generator().manual_seed(place))
        assert all(changed(before, model.text_encoder(ids, mask, other)))


def test_token_types_are_zero_and_stay_so(model: Cada, ids: Tensor, tokens: Tensor) -> None:
    mask = torch.ones_like(ids)
    hidden = model.text_encoder(ids, mask, tokens)
    logits = model.attribute_decoder(ids, mask, tokens, mask.bool())
    (hidden.square().mean() + logits.square().mean()).backward()
    found = {name: value for name, value in model.named_parameters() if "token_type" in name}
    assert len(found) == 2
    for value in found.values():
        assert not value.any() and not value.requires_grad and value.grad is None


@pytest.mark.parametrize("training", [False, True])
def test_an_image_read_by_many_is_read_as_by_each(training: bool) -> None:
    """Keys and values once per image: the same states and gradients as with its tokens repeated."""
    sizes, wide = (Transformer(width=width, depth=2, heads=2, mlp=40) for width in (24, 32))
    architecture = Architecture(
        image_size=(8, 8), patch_size=(8, 8), vision=wide, text=sizes, projection=4, max_tokens=8, positions=8, dropout=0.0
    )
    encoder = TextEncoder(architecture, vocabulary=10).train(training)
    ids, tokens = torch.randint(0, 10, (5, 6)), torch.randn(3, 4, 32)
    mask = torch.arange(6) < torch.tensor([6, 3, 4, 6, 2])[:, None]
    images, found = torch.tensor([2, 0, 2, 2, 0]), []
    for shared in (False, True):
        own = tokens.clone().requires_grad_()
        encoder.zero_grad()
        states = encoder.read_images(ids, mask, own, images) if shared else encoder(ids, mask, own[images])
        (states[:, 0] ** 3).sum().backward()
        found.append((states.detach(), own.grad, encoder.bert.encoder.layer[0].crossattention.self.key.weight.grad.clone()))
    for ours, theirs in zip(*found, strict=True):
        assert (ours - theirs).abs().max() < 1e-5
    assert not found[1][1][1].any()  # nobody read image 1


def test_small_models_start_with_larger_weights() -> None:
    assert initial_deviation(768) == 0.02
    assert initial_deviation(96) ** 2 * 96 == pytest.approx(0.02**2 * 768)


def test_positions_start_apart_row_by_row_and_column_by_column() -> None:
    positions = sine_cosine_positions((3, 2), 22)
    assert positions.shape == (6, 22)
    for row in range(3):
        for column in range(2):
            for place, angle in enumerate([row, column]):
                for wave in range(5):
                    value = torch.tensor(angle / 10000 ** (wave / 5))
                    found = positions[2 * row + column, 10 * place + wave :: 5][:2]
                    assert torch.allclose(found, 0.5 * torch.stack([value.sin(), value.cos()]), atol=1e-6)
    assert not positions[:, 20:].any()
