"""Attributions of a tiny model against attention by itself, and against single passes with one patch missing."""

from __future__ import annotations

import pytest
import torch

from cada.analysis.association.attributions import attribution_maps, removal_maps
from cada.analysis.association.names import attribution_names
from cada.analysis.attention import match_maps, match_reading
from cada.model.cada import Cada
from tests.retrieval.tiny import ENC, tiny_model

LENGTH, PATCHES, WIDTH = 7, 8, 24
PHRASES = torch.zeros(2, LENGTH, dtype=torch.bool)
PHRASES[0, 2:4], PHRASES[1, 5] = True, True
IDS = torch.randint(5, ENC, (LENGTH,), generator=torch.Generator().manual_seed(1))
TOKENS = torch.randn(1, 1 + PATCHES, WIDTH, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def model() -> Cada:
    return tiny_model(depth=3)


def test_attention_and_gradient_are_those_of_the_match_encoder(model: Cada) -> None:
    found = attribution_maps(model, IDS, TOKENS, PHRASES, batch_size=3)
    assert tuple(found) == attribution_names(3)
    assert torch.equal(found["gradient"], match_maps(model, IDS, TOKENS, PHRASES))
    _, shares = match_reading(model, IDS, TOKENS)
    for layer, share in enumerate(shares, start=1):
        expected = [[share[0, :, chosen, 1 + patch].mean().item() for patch in range(PATCHES)] for chosen in PHRASES]
        assert found[f"attention_{layer}"].numpy() == pytest.approx(torch.tensor(expected).numpy(), abs=1e-6)


def test_removal_by_passes_in_which_a_word_cannot_read_a_patch(model: Cada) -> None:
    """A reference that runs each layer by hand, with the attention of the phrase's words to one patch set to minus infinity."""
    found = removal_maps(model, IDS, TOKENS, PHRASES, batch_size=3)
    whole = _score(model, torch.zeros(LENGTH, 1 + PATCHES))
    assert (found > 0).any()
    for row, phrase in enumerate(PHRASES):
        for patch in range(PATCHES):
            hidden = torch.zeros(LENGTH, 1 + PATCHES)
            hidden[phrase, 1 + patch] = -torch.inf
            assert found[row, patch].item() == pytest.approx(max(0.0, whole - _score(model, hidden)), abs=1e-5)


@torch.no_grad()
def _score(model: Cada, hidden: torch.Tensor) -> float:
    bert, ids = model.text_encoder.bert, IDS[None].clone()
    ids[0, 0] = ENC
    states = bert.embeddings(input_ids=ids)
    for layer in bert.encoder.layer:
        states = layer.attention(states, torch.ones(1, 1, 1, LENGTH, dtype=torch.bool))[0]
        cross, parts = layer.crossattention.self, []
        size = cross.query.out_features // cross.num_attention_heads
        query, key, value = cross.query(states)[0], cross.key(TOKENS)[0], cross.value(TOKENS)[0]
        for head in range(cross.num_attention_heads):
            own = slice(head * size, (head + 1) * size)
            weights = (query[:, own] @ key[:, own].T / size**0.5 + hidden).softmax(dim=1)
            parts.append(weights @ value[:, own])
        states = layer.crossattention.output(torch.cat(parts, dim=1)[None], states)
        states = layer.output(layer.intermediate(states), states)
    logits = model.match_head(states[0, 0])
    return float(logits[1] - logits[0])
