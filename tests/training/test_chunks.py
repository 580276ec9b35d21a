"""Less memory in training: chunks and layer checkpoints that are active and change nothing."""

import numpy as np
import torch

from cada.config import Augmentation
from cada.training.chunks import in_chunks
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


def kept_bytes(micro_batch, *, checkpointing=False):
    """Bytes that the forward pass keeps for the backward pass, weights left out; and the gradients."""
    model = tiny_model(dropout=0.1).train()
    if checkpointing:
        model.checkpoint_layers()
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    draw = torch.Generator().manual_seed(0)
    plain = Augmentation(flip=0.0, pad=0, erase=0.0)
    batch = tiny_training().batch(np.arange(24), augmentation=plain, padded_to=None, draw=draw, device=torch.device("cpu"))
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        values = association_losses(tiny_encoded(model, batch, draw, micro_batch=micro_batch), weights=WEIGHTS, switches=ROBUST)
    values["loss"].backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return sum(kept.values()), gradients


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
