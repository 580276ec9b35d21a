"""Layers, embeddings and a head that torch compiles: the same losses and gradients, in one graph each, and only while a model trains."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cada.config import Augmentation
from cada.config.steps import TrainingCompute
from cada.model import encoders
from cada.model.cada import Cada
from cada.model.joined import JoinedProducts
from cada.objectives.atp import BUSY, rows_at_once
from cada.runtime import compute
from cada.training.layers import set_up_layers
from cada.training.objective import association_losses
from tests.messages import refused
from tests.training.tiny import ROBUST, WEIGHTS, tiny_encoded, tiny_model, tiny_training

PLAIN = Augmentation(flip=0.0, pad=0, erase=0.0)
CPU = torch.device("cpu")


def set_up(model: Cada, *, checkpointing: bool = False) -> None:
    values: dict[str, Any] = {"device": "cpu", "threads": 1, "compile": True, "checkpointing": checkpointing}
    set_up_layers(model, TrainingCompute.model_validate(values))


@pytest.fixture
def traced(monkeypatch):
    """Torch traces the layers, and computes operation by operation what the pass makes of them: no compiler is needed.

    Of each graph the number of products before and after the pass.
    """
    products: list[tuple[int, int]] = []

    def backend(module: torch.fx.GraphModule, _inputs: object) -> torch.fx.GraphModule:
        parts = [part for part in module.modules() if isinstance(part, torch.fx.GraphModule)]  # a layer that is computed again is a part
        before = number_of_products(parts)
        for part in parts:
            JoinedProducts()(part.graph)
            part.recompile()
        products.append((before, number_of_products(parts)))
        return module

    torch.compiler.reset()
    compilation = encoders.compilation
    monkeypatch.setattr(encoders, "compilation", lambda: {**compilation(), "backend": backend, "options": None})
    yield products
    torch.compiler.reset()


def number_of_products(parts: list[torch.fx.GraphModule]) -> int:
    return sum(len(part.graph.find_nodes(op="call_function", target=F.linear)) for part in parts)


def losses_and_gradients(model: Cada, *, micro_batch: int | None = None, pairs: int = 8, length: int | None = None) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    batch = tiny_training().batch(np.arange(0, 3 * pairs, 3), augmentation=PLAIN, padded_to=length, draw=draw, device=CPU)
    values = association_losses(tiny_encoded(model, batch, draw, micro_batch=micro_batch), weights=WEIGHTS, switches=ROBUST)
    values["loss"].backward()
    return {name: value.detach() for name, value in values.items()} | {
        name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None
    }


CASES: dict[str, dict[str, Any]] = {
    "in chunks, layers computed again": {"micro_batch": 4, "checkpointing": True},
    "as on a GPU": {"few_calls": True},
}
SLOW = pytest.param("in chunks, layers computed again", marks=pytest.mark.slow)  # chunks of other sizes are traced once more


EMBEDDINGS, HEAD = (0, 0), (2, 2)
PRODUCTS = {
    # all keys and values, an image, a caption, one that reads, the decoder; captions that read are more
    "as on a GPU": [EMBEDDINGS, EMBEDDINGS, EMBEDDINGS, HEAD, (4, 1), (6, 4), (6, 4), (8, 6), (10, 7)],
    # one that reads projects what it reads: two sizes
    "in chunks, layers computed again": [EMBEDDINGS, EMBEDDINGS, HEAD, (6, 4), (6, 4), (10, 7), (10, 7), (10, 7)],
}


@pytest.mark.parametrize("case", ["as on a GPU", SLOW])
def test_compiled_layers_compute_the_same(case, monkeypatch, traced):
    settings = dict(CASES[case])
    few, checkpointing = settings.pop("few_calls", False), settings.pop("checkpointing", False)
    monkeypatch.setattr(compute, "few_calls", lambda device: few)
    plain, compiled = tiny_model(0.0).train(), tiny_model(0.0).train()
    set_up(compiled, checkpointing=checkpointing)
    expected, found = losses_and_gradients(plain, **settings), losses_and_gradients(compiled, **settings)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-5, msg=name)
    assert sorted(traced) == PRODUCTS[case], "layers of a kind share a graph"


def test_layers_are_compiled_as_often_as_there_are_sizes(traced):
    """A caption of another length after chunks of three rows and one of a single row: more than eight graphs of one function."""
    model = tiny_model(0.0).train()
    set_up(model)
    for length in (None, 14, 15):
        losses_and_gradients(model, micro_batch=3, pairs=7, length=length)
    assert sum(before > 0 for before, _ in traced) > 8


def test_weights_keep_their_names_and_scores_the_bits_of_layers_as_they_are_written(traced):
    plain, compiled = tiny_model(0.0).eval(), tiny_model(0.0).eval()
    set_up(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    images = torch.rand(2, 3, 32, 16)
    with torch.inference_mode(), compiled.as_written():
        assert torch.equal(compiled.encode_images(images)[1], plain.encode_images(images)[1])
    assert not traced
    assert isinstance(plain.as_written(), nullcontext), "torch's compiler is not even imported for others"


def test_without_a_compiler_it_is_said_before_the_training(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("CXX", str(tmp_path / "c++"))
    with refused("compute.compile", str(tmp_path / "c++")):
        set_up(tiny_model())


@pytest.mark.parametrize(("pairs", "rows"), [(8, 24), (24, 72), (32, 96), (48, 96), (120, 120)])
def test_a_gpu_has_enough_rows_to_be_busy_and_no_more_than_a_third_of_many(pairs, rows):
    assert rows_at_once(pairs, micro_batch=None, few_calls=True) == rows
    assert rows_at_once(pairs, micro_batch=None, few_calls=False) == pairs
    assert rows_at_once(pairs, micro_batch=5, few_calls=True) == 5
    assert BUSY == 96


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_kernels_agree(precision):
    plain, compiled = tiny_model(0.0).train(), tiny_model(0.0).train()
    set_up(compiled)
    with compute.autocast(CPU, precision):
        expected, found = losses_and_gradients(plain), losses_and_gradients(compiled)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5 if precision == "fp32" else 0.05, rtol=0.02, msg=name)
