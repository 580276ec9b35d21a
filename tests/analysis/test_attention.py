"""The recomputed cross-attention against the layers' own outputs, and the maps against finite differences and plain loops."""

from __future__ import annotations

import pytest
import torch

from cada.analysis.attention import decoder_maps, gradient_weighted, match_maps, read_with_attention
from cada.model.cada import Cada
from cada.model.encoders import causal_mask
from tests.retrieval.tiny import ENC, tiny_model

LENGTH, PATCHES, WIDTH, MASK = 7, 8, 24, 4
PHRASES = torch.zeros(2, LENGTH, dtype=torch.bool)
PHRASES[0, 2:4], PHRASES[1, 5] = True, True


@pytest.fixture
def model() -> Cada:
    return tiny_model(depth=3)


def ids(count: int = 1) -> torch.Tensor:
    return torch.randint(5, ENC, (count, LENGTH), generator=torch.Generator().manual_seed(1))


def image_tokens(count: int = 1) -> torch.Tensor:
    return torch.randn(count, 1 + PATCHES, WIDTH, generator=torch.Generator().manual_seed(2))


def test_the_states_are_those_of_the_match_encoder(model: Cada) -> None:
    captions, images = ids(3), image_tokens(3)
    mask = torch.ones_like(captions)
    mask[1, 5:] = 0
    expected = model.match_hidden(captions, mask, images)
    read = captions.clone()
    read[:, 0] = ENC
    states, shares = read_with_attention(model.text_encoder.bert, read, mask.bool()[:, None, None, :], images)
    assert (states - expected)[mask.bool()].abs().max() < 1e-5
    assert [share.shape for share in shares] == [(3, 2, LENGTH, 1 + PATCHES)] * 3
    assert all(torch.allclose(share.sum(dim=-1), torch.ones(3, 2, LENGTH)) for share in shares)


def test_the_states_are_those_of_the_decoder(model: Cada) -> None:
    captions, images = ids(2), image_tokens(2)
    everywhere = torch.ones_like(captions)
    expected = model.attribute_decoder(captions, everywhere, images, everywhere.bool())
    states, _ = read_with_attention(model.attribute_decoder.bert.bert, captions, causal_mask(everywhere), images)
    assert (model.attribute_decoder.bert.cls(states).flatten(0, 1) - expected).abs().max() < 1e-5


def test_weighting_by_plain_loops() -> None:
    """A number that is linear in the attention has its factors as gradients."""
    random = torch.Generator().manual_seed(3)
    shares = [torch.rand(1, 2, 3, 4, generator=random).requires_grad_() for _ in range(2)]
    factors = [torch.randn(1, 2, 3, 4, generator=random) for _ in range(2)]
    output = torch.stack([(share * factor).sum() for share, factor in zip(shares, factors, strict=True)]).sum()
    found = gradient_weighted(shares, output)
    shares = [share.detach() for share in shares]
    for token in range(3):
        for patch in range(4):
            place = [(layer, head) for layer in range(2) for head in range(2)]
            terms = [
                float(shares[layer][0, head, token, patch]) * max(0.0, float(factors[layer][0, head, token, patch]))
                for layer, head in place
            ]
            assert float(found[0, token, patch]) == pytest.approx(sum(terms) / 4, abs=1e-6)


def test_a_map_of_the_match_by_finite_differences(model: Cada, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient is that of the match logit: each weight of the first layer is moved a little, by hand."""
    model.double()
    caption, images = ids()[0], image_tokens().double()
    read = caption[None].clone()
    read[:, 0] = ENC
    visible = torch.ones(1, 1, 1, LENGTH, dtype=torch.bool)

    def logit(moved: tuple[int, int, int] | None = None, by: float = 0.0) -> tuple[float, list[torch.Tensor]]:
        softmax, calls = torch.Tensor.softmax, []

        def pushed(scores: torch.Tensor, dim: int) -> torch.Tensor:
            calls.append(softmax(scores, dim))
            if moved and len(calls) == 1:
                change = torch.zeros_like(calls[0])
                change[(0, *moved)] = by
                return calls[0] + change
            return calls[-1]

        with monkeypatch.context() as patch:
            patch.setattr(torch.Tensor, "softmax", pushed)
            states, shares = read_with_attention(model.text_encoder.bert, read, visible, images)
        return float(model.match_head(states[:, 0])[0, 1]), shares

    _, shares = logit()
    first = torch.zeros(LENGTH, 1 + PATCHES, dtype=torch.float64)
    for head in range(2):
        for token in (2, 3):
            for patch in range(1 + PATCHES):
                slope = (logit((head, token, patch), 1e-5)[0] - logit((head, token, patch), -1e-5)[0]) / 2e-5
                first[token, patch] += float(shares[0][0, head, token, patch]) * max(0.0, slope) / 2
    states, shares = read_with_attention(model.text_encoder.bert, read, visible, images)
    found = gradient_weighted(shares[:1], model.match_head(states[:, 0])[0, 1])[0]
    assert torch.allclose(found[2:4], first[2:4], atol=1e-7)
    assert found[2:4].max() > 1e-4


def test_permuting_the_patches_permutes_the_maps(model: Cada) -> None:
    caption, images = ids()[0], image_tokens()
    order = torch.randperm(PATCHES, generator=torch.Generator().manual_seed(4))
    permuted = torch.cat([images[:, :1], images[:, 1:][:, order]], dim=1)
    for maps in (
        lambda tokens: match_maps(model, caption, tokens, PHRASES),
        lambda tokens: decoder_maps(model, caption, tokens, PHRASES),
    ):
        found = maps(images)
        assert found.shape == (2, PATCHES) and (found >= 0).all() and (found.max(dim=1).values > 0).all()
        assert torch.allclose(maps(permuted), found[:, order], atol=1e-7)
        assert not torch.allclose(found[0], found[1])


def test_no_patch_of_an_image_without_contents_stands_out(model: Cada) -> None:
    images = image_tokens()[:, :1].expand(-1, 1 + PATCHES, -1)
    found = match_maps(model, ids()[0], images, PHRASES)
    assert torch.allclose(found, found[:, :1].expand_as(found), atol=1e-7)


def test_a_masked_phrase_does_not_see_its_words_nor_what_follows(model: Cada) -> None:
    caption, images = ids()[0], image_tokens()
    changed = caption.clone()
    changed[6] = 5  # behind both phrases, whose decoder is causal
    before, after = (decoder_maps(model, words, images, PHRASES) for words in (caption, changed))
    assert torch.allclose(before, after, atol=1e-7)
    changed[1] = 6
    assert not torch.allclose(before, decoder_maps(model, changed, images, PHRASES))
