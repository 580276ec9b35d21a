"""Less memory in training: chunks and layer checkpoints that are active and change nothing."""

import weakref

import numpy as np
import pytest
import torch

from cada.config import Augmentation
from cada.runtime import compute, distributed
from cada.training.chunks import in_chunks, summed
from cada.training.objective import association_losses
from tests.training.tiny import ROBUST, WEIGHTS, tiny_encoded, tiny_model, tiny_training


def test_chunks_are_put_together_in_order():
    seen = []

    def function(rows, _others):
        seen.append(len(rows))
        return rows * rows, rows.sum(dim=1)

    rows = torch.arange(21.0).reshape(7, 3).requires_grad_()
    squares, sums = in_chunks(function, 3, rows, torch.zeros(7))
    assert torch.equal(squares, rows * rows) and torch.equal(sums, torch.stack([row.sum() for row in rows]))
    assert seen == [3, 3, 1]
    (squares.sum() + sums.sum()).backward()
    assert torch.allclose(rows.grad, 2 * rows.detach() + 1)
    assert sorted(seen) == [1, 1, 3, 3, 3, 3]


@pytest.mark.parametrize(("few_calls", "processes"), [(False, 1), (True, 1), (True, 2)])
@pytest.mark.parametrize("size", [None, 6, 4])
def test_a_sum_has_the_gradients_of_its_weighted_loss_to_the_bit(size, few_calls, processes, monkeypatch):
    monkeypatch.setattr(compute, "few_calls", lambda device: few_calls)
    monkeypatch.setattr(distributed, "size", lambda: processes)
    weight, other, alone = 3.0, torch.randn(5, requires_grad=True), torch.randn(5, requires_grad=True)
    tokens = torch.randn(6, 2, 5, requires_grad=True)
    unused = torch.ones(2, requires_grad=True)

    def loss(rows, tokens):
        return (tokens[rows] * other + alone).tanh().square().sum() / 7

    expected = loss(slice(0, 6), tokens)
    wanted = torch.autograd.grad(weight * expected + other.sum(), [tokens, other, alone])
    found = summed(loss, [tokens], [other, unused, alone], count=6, size=size, weight=weight)
    (weight * found + other.sum()).backward()  # `other` has another gradient
    assert unused.grad is None
    for tensor, right in zip([tokens, other, alone], wanted, strict=True):
        assert torch.allclose(tensor.grad, right, rtol=1e-5, atol=1e-7)
        assert size == 4 or torch.equal(tensor.grad, right)
    with torch.no_grad():
        assert torch.allclose(summed(loss, [tokens], [other, alone], count=6, size=size), expected)


class Kept:
    """A tensor that autograd has saved, for as long as it does."""

    def __init__(self, tensor):
        self.tensor = tensor


def test_a_chunk_of_a_sum_is_gone_when_the_next_begins():
    alive, seen = weakref.WeakSet(), []

    def pack(tensor):
        one = Kept(tensor)
        alive.add(one)
        return one

    def loss(rows, tokens):
        seen.append(len(alive))
        return tokens[rows].tanh().square().sum()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one.tensor):
        summed(loss, [torch.randn(6, 2, 5, requires_grad=True)], [], count=6, size=2)
    assert seen == [0, 0, 0] and len(alive) == 0


def kept_bytes(micro_batch, *, checkpointing=False):
    """Bytes that the forward pass keeps for the backward pass, weights left out; and the gradients."""
    model = tiny_model(dropout=0.1).train()
    if checkpointing:
        model.checkpoint_layers()
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    draw = torch.Generator().manual_seed(0)
    plain = Augmentation(flip=0.0, pad=0, erase=0.0)
    batch = tiny_training().batch(np.arange(24), augmentation=plain, padded_to=None, draw=draw, device=torch.device("cpu"))
    kept = weakref.WeakSet()

    def pack(tensor):
        one = Kept(tensor)
        kept.add(one)
        return one

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one.tensor):
        values = association_losses(tiny_encoded(model, batch, draw, micro_batch=micro_batch), weights=WEIGHTS, switches=ROBUST)
    storages = {one.tensor.untyped_storage().data_ptr(): one.tensor.untyped_storage().nbytes() for one in kept}
    values["loss"].backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return sum(size for place, size in storages.items() if place not in weights), gradients


def test_chunks_keep_little():
    whole, _ = kept_bytes(None)
    bounded, _ = kept_bytes(4)
    assert bounded < 0.25 * whole


def test_layer_checkpoints_are_active_and_change_nothing():
    whole, plain = kept_bytes(None)
    less, gradients = kept_bytes(None, checkpointing=True)
    assert less < 0.5 * whole
    assert set(gradients) == set(plain)
    for name, gradient in gradients.items():  # the same dropout is drawn again
        assert (gradient - plain[name]).abs().max() < 1e-6, name


def test_both_together_change_nothing():
    _, plain = kept_bytes(12)
    _, gradients = kept_bytes(12, checkpointing=True)
    for name, gradient in gradients.items():
        assert (gradient - plain[name]).abs().max() < 1e-6, name
