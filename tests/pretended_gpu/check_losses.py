"""Losses and gradients of a step under every case of the switches: those of the CPU."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cada import losses
from cada.model.cada import Cada
from cada.runtime.compute import autocast
from tests.pretended_gpu.device import CUDA, PretendedGpu
from tests.pretended_gpu.paths import CASES, CHANGES, CPU, PRETRAINING, step
from tests.training.tiny import tiny_encoded, tiny_model, tiny_training

MEMORY = {
    "whole": {},
    "micro-batch": {"micro_batch": 3},
    "checkpointing": {"checkpointing": True},
    "both": {"micro_batch": 3, "checkpointing": True},
}
ALL = [
    *((case, "whole") for case in (*CASES, PRETRAINING)),
    *(("robust", memory) for memory in MEMORY if memory != "whole"),
    (PRETRAINING, "both"),
]


@pytest.mark.parametrize(("case", "memory"), ALL)
def test_in_fp32_a_step_has_the_bits_of_the_cpu(case, memory):
    """Without dropout, for which CUDA and the CPU have kernels that draw otherwise."""
    theirs = step(CPU, case, **MEMORY[memory])
    with PretendedGpu():
        ours = step(CUDA, case, **MEMORY[memory])
    assert ours.losses == theirs.losses
    assert ours.gradients.keys() == theirs.gradients.keys()
    assert [name for name, gradient in theirs.gradients.items() if not torch.equal(ours.gradients[name], gradient)] == []


@pytest.mark.parametrize(("case", "memory"), ALL)
def test_in_bf16_a_step_has_about_the_losses_and_the_direction_of_fp32(case, memory):
    theirs = step(CPU, case, **MEMORY[memory])
    with PretendedGpu() as gpu:
        ours = step(CUDA, case, precision="bf16", **MEMORY[memory])
    assert ours.losses == pytest.approx(theirs.losses, rel=0.01)
    assert {gradient.dtype for gradient in ours.gradients.values()} == {torch.float32}
    assert set(gpu.attention) == {"bfloat16"}
    names = sorted(theirs.gradients)
    one, other = (torch.cat([found.gradients[name].flatten() for name in names]) for found in (ours, theirs))
    assert F.cosine_similarity(one, other, dim=0) > 0.999


def test_in_bf16_processes_gather_fp32():
    with PretendedGpu(), autocast(CUDA, "bf16"):
        batch = tiny_training().batch(np.arange(8), augmentation=CHANGES, padded_to=15, draw=torch.Generator(), device=CUDA)
        encoded = tiny_encoded(tiny_model().to(CUDA), batch, torch.Generator())
    assert {encoded.tokens.dtype, encoded.images.dtype, encoded.texts.dtype} == {torch.float32}


def test_dropout_draws_the_same_again_in_the_backward_pass():
    """Micro-batches and checkpointing compute a part again: without the same draws its gradients would be of other losses."""
    with PretendedGpu():
        whole, again = (step(CUDA, dropout=0.1, checkpointing=checkpointing) for checkpointing in (False, True))
    assert again.losses == whole.losses
    assert [name for name, gradient in whole.gradients.items() if not torch.equal(again.gradients[name], gradient)] == []


@pytest.mark.parametrize(("precision", "rounded"), [("fp32", False), ("tf32", True), ("bf16", False)])
def test_products_of_fp32_are_rounded_in_tf32_alone_and_cosines_never(precision, rounded, monkeypatch):
    seen = {"products": set(), "cosines": set()}
    project, cosines = Cada.encode_images, losses.F.normalize

    def flags():
        return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    monkeypatch.setattr(Cada, "encode_images", lambda *given: (seen["products"].add(flags()), project(*given))[1])
    monkeypatch.setattr(losses.F, "normalize", lambda *given, **how: (seen["cosines"].add(flags()), cosines(*given, **how))[1])
    with PretendedGpu():
        before = flags()
        step(CUDA, precision=precision)
        assert flags() == before
    assert seen == {"products": {(rounded, rounded)}, "cosines": {(False, False)}}
