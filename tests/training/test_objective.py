"""The losses of a batch, assembled."""

import pytest
import torch

from cada import losses
from cada.config import Augmentation
from cada.model.cost import PRETRAINING
from cada.objectives import OBJECTIVES
from cada.objectives.atp import token_patch_loss
from cada.objectives.mlm import random_words
from cada.runtime import compute
from cada.training.objective import Encoded, association_losses
from cada.training.pretrain import pretraining_losses
from tests.training.tiny import ROBUST, tiny_encoded

CPU = torch.device("cpu")
PLAIN = Augmentation(flip=0.0, pad=0, erase=0.0)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch(training):
    return training.batch(torch.arange(0, 24, 3).numpy(), augmentation=PLAIN, padded_to=None, draw=draw(), device=CPU)


def run(model, batch, *, atp, ara, seed=0, **switches):
    weights = {"ara": ara, "global": 1.0, "atp": atp}
    return association_losses(tiny_encoded(model, batch, draw(seed)), weights=weights, switches=ROBUST.model_copy(update=switches))


def test_without_atp_and_ara_the_loss_is_the_global_loss(model, batch):
    model.eval()
    values = run(model, batch, atp=0.0, ara=0.0)
    _, image = model.encode_images(batch.images)
    text = model.encode_text(batch.captions.ids, batch.captions.mask)
    expected = losses.global_association(image, text, batch.persons)
    assert set(values) == {"loss", "loss_global"}
    assert torch.equal(values["loss"], expected)


def test_the_loss_is_the_weighted_sum(model, batch):
    values = run(model.eval(), batch, atp=0.7, ara=0.3)
    expected = values["loss_global"] + 0.7 * values["loss_atp"] + 0.3 * values["loss_ara"]
    assert float(values["loss"].detach()) == pytest.approx(float(expected.detach()), rel=1e-6)


@pytest.mark.parametrize("how", ["published", "hardest", "sampled"])
@pytest.mark.parametrize(("groups", "count"), [("fixed", 2), ("parts", 2), ("parts", 3)])
@pytest.mark.parametrize("few_calls", [False, True])
def test_atp_equals_one_pair_at_a_time(model, batch, how, groups, count, few_calls, monkeypatch):
    monkeypatch.setattr(compute, "few_calls", lambda device: few_calls)
    model.eval()
    values = run(model, batch, atp=1.0, ara=0.0, hard_negatives=how, local_groups=groups, group_count=count)
    tokens, image = model.encode_images(batch.images)
    captions = batch.captions
    text = model.encode_text(captions.ids, captions.mask)
    negatives = losses.hard_negatives(image, text, batch.persons, how=how, generator=draw())
    pairs = [(i, i, 1) for i in range(8)]
    pairs += [(i, int(negatives.image[i]), 0) for i in range(8)] + [(int(negatives.text[i]), i, 0) for i in range(8)]
    whole, local = [], []
    for caption, image, label in pairs:
        one = (captions.ids[[caption]], captions.mask[[caption]], tokens[[image]])
        hidden = model.match_hidden(*one)
        parts = model.local_match_head(losses.group_means(hidden, captions.lengths[[caption]], how=groups, count=count))[0]
        whole.append(-model.match_head(hidden[0, 0]).log_softmax(0)[label])
        local += [-part.log_softmax(0)[label] for part in parts]
    expected = torch.stack(whole).mean() + torch.stack(local).mean()
    assert float(values["loss_atp"].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_a_gpus_order_of_atp_has_the_gradients_of_the_cpus(model, batch, monkeypatch):
    found = []
    for few_calls in (False, True):
        monkeypatch.setattr(compute, "few_calls", lambda device, few=few_calls: few)
        model.eval().zero_grad()
        run(model, batch, atp=1.0, ara=0.0)["loss"].backward()
        found.append({name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        assert (found[1][name] - gradient).abs().max() < 1e-5 * max(1.0, float(gradient.abs().max())), name


def test_gradients_reach_the_image_of_a_negative(model, batch):
    tokens = torch.randn(8, 9, 24, requires_grad=True)
    wrong = losses.Negatives(torch.full((8,), 5), torch.arange(8).roll(1), torch.tensor(0))
    encoded = Encoded(model.eval(), batch, tokens, torch.empty(0), torch.empty(0), draw())
    loss = token_patch_loss(encoded, wrong, groups="parts")
    loss.backward()
    strength = tokens.grad.flatten(1).norm(dim=1)
    assert int(strength.argmax()) == 5  # it serves one pair, one wrong caption and eight wrong images


def test_ara_predicts_the_masked_words_only(model, batch):
    model.eval()
    values = run(model, batch, atp=0.0, ara=1.0, ara_rate=1.0)
    tokens, _ = model.encode_images(batch.images)
    captions = batch.captions
    selected = captions.groups >= 0
    total, count = 0.0, 0
    for row in range(8):
        ids = captions.ids[[row]].clone()
        ids[selected[[row]]] = model.tokenizer.mask
        everywhere = torch.ones_like(ids, dtype=torch.bool)
        logits = model.attribute_decoder(ids, captions.mask[[row]], tokens[[row]], everywhere)
        for position in selected[row].nonzero()[:, 0].tolist():
            total -= float(logits[position].log_softmax(0)[captions.ids[row, position]])
            count += 1
    assert count == 8 * 5
    assert float(values["loss_ara"]) == pytest.approx(total / count, rel=1e-5)


def test_the_attribute_decoder_is_causal(model, batch):
    model.eval()
    captions = batch.captions
    tokens, _ = model.encode_images(batch.images)
    everywhere = torch.ones_like(captions.ids, dtype=torch.bool)
    before = model.attribute_decoder(captions.ids, captions.mask, tokens, everywhere).view(8, -1, 41)
    changed = captions.ids.clone()
    changed[:, 4] = (changed[:, 4] + 1) % 39 + 1
    after = model.attribute_decoder(changed, captions.mask, tokens, everywhere).view(8, -1, 41)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


def test_pretraining_reaches_every_part(model, batch):
    values = pretraining_losses(tiny_encoded(model, batch, draw()), mask_rate=0.3, decoder_mask_rate=0.5)
    assert values.keys() == {"loss", *(OBJECTIVES[name].column for name in PRETRAINING)}
    assert float(values["loss"].detach()) == pytest.approx(sum(float(values[OBJECTIVES[name].column].detach()) for name in PRETRAINING))
    values["loss"].backward()
    assert not [name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.grad is None]


def test_words_are_chosen_at_the_rate_and_special_tokens_never(batch):
    captions = batch.captions
    everything = random_words(captions, rate=1.0, generator=draw())
    expected = captions.mask.clone()
    expected[:, 0] = False
    expected[torch.arange(len(expected)), captions.lengths - 1] = False
    assert torch.equal(everything, expected)
    counts = [int(random_words(captions, rate=0.3, generator=torch.Generator().manual_seed(seed)).sum()) for seed in range(200)]
    assert sum(counts) / 200 / int(expected.sum()) == pytest.approx(0.3, abs=0.02)


def test_padding_does_not_change_a_caption(model, training):
    model.eval()
    rows = torch.arange(0, 24, 3).numpy()
    short = training.batch(rows, augmentation=PLAIN, padded_to=None, draw=draw(), device=CPU)
    long = training.batch(rows, augmentation=PLAIN, padded_to=15, draw=draw(), device=CPU)
    assert long.captions.ids.shape[1] == 15
    for name, value in run(model, short, atp=1.0, ara=1.0, ara_rate=1.0).items():
        other = run(model, long, atp=1.0, ara=1.0, ara_rate=1.0)[name]
        assert float(value.detach()) == pytest.approx(float(other.detach()), abs=1e-5), name
