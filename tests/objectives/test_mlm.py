"""Masked words in the text encoder, one caption and one word at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cada.config import Augmentation
from cada.objectives.mlm import masked_language_loss, random_words
from cada.training.objective import association_losses
from tests.training.tiny import ROBUST, tiny_encoded, tiny_model, tiny_training

PLAIN = Augmentation(flip=0.0, pad=0, erase=0.0)


@pytest.fixture
def encoded():
    draw = torch.Generator().manual_seed(0)
    batch = tiny_training().batch(np.arange(0, 24, 3), augmentation=PLAIN, padded_to=None, draw=draw, device=torch.device("cpu"))
    return tiny_encoded(tiny_model().eval(), batch, draw)


def by_loops(encoded, selected) -> float:
    model, captions = encoded.model, encoded.batch.captions
    words = model.text_encoder.bert.embeddings.word_embeddings.weight
    head = model.attribute_decoder.bert.cls.predictions
    total = 0.0
    for row in range(len(captions.ids)):
        ids = captions.ids[row].clone()
        ids[selected[row]] = model.tokenizer.mask
        ids[0] = model.tokenizer.enc
        hidden = model.text_encoder(ids[None], captions.mask[[row]], encoded.tokens[[row]])[0]
        for place in selected[row].nonzero()[:, 0].tolist():
            state = head.transform(hidden[place])
            logits = torch.stack([state @ words[word] + head.bias[word] for word in range(len(words))])
            total -= float(logits.log_softmax(0)[captions.ids[row, place]].detach())
    return total / int(selected.sum())


def test_equals_plain_loops(encoded) -> None:
    selected = random_words(encoded.batch.captions, rate=0.4, generator=encoded.generator)
    assert selected.any(dim=1).sum() > 4
    assert float(masked_language_loss(encoded, selected).detach()) == pytest.approx(by_loops(encoded, selected), rel=1e-5)


def test_one_masked_word_and_none(encoded) -> None:
    selected = torch.zeros_like(encoded.batch.captions.mask)
    assert float(masked_language_loss(encoded, selected).detach()) == 0
    selected[3, 2] = True
    assert float(masked_language_loss(encoded, selected).detach()) == pytest.approx(by_loops(encoded, selected), rel=1e-5)


def test_every_patch_is_read(encoded) -> None:
    encoded.tokens.retain_grad()
    masked_language_loss(encoded, random_words(encoded.batch.captions, rate=0.4, generator=encoded.generator)).backward()
    assert (encoded.tokens.grad.abs().sum(dim=2) > 0).any(dim=0).all()


def test_it_draws_as_many_words_as_irra(encoded) -> None:
    """15 % of the word pieces, anew in each step; the loss is that of the drawn ones."""
    state = encoded.generator.get_state()
    values = association_losses(encoded, weights={"mlm": 2.0}, switches=ROBUST)
    encoded.generator.set_state(state)
    selected = random_words(encoded.batch.captions, rate=0.15, generator=encoded.generator)
    assert float(values["loss_mlm"].detach()) == pytest.approx(by_loops(encoded, selected), rel=1e-5)
    assert set(values) == {"loss", "loss_mlm"} and torch.equal(values["loss"], 2 * values["loss_mlm"])
