"""One process and several: the same losses, gradients, weights and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor

from cada import losses
from cada.config import Augmentation, Optimisation
from cada.runtime import distributed
from cada.training.finetune import finetune
from cada.training.objective import association_losses
from cada.training.pretrain import pretraining_losses
from tests.processes import together
from tests.training.tiny import ROBUST, WEIGHTS, tiny_encoded, tiny_engine, tiny_model, tiny_settings, tiny_target, tiny_training

CPU = torch.device("cpu")
CHANGES = Augmentation(flip=0.5, pad=2, erase=0.5)
CASES = {
    "hardest": {},
    "sampled": {"hard_negatives": "sampled"},
    "published": {"hard_negatives": "published", "local_groups": "fixed"},
    "per process": {"ara_mean": "process"},
    "underflow": {"hard_negatives": "published"},
}
Outcome = tuple[dict[str, Tensor], dict[str, Tensor]]


def outcome(values: dict[str, Tensor], model: torch.nn.Module) -> Outcome:
    """The batch's losses and gradients, from this process's shares."""
    values["loss"].backward()
    with patch.object(distributed, "BUCKET", 5000):  # some parameters to a bucket, and some over its size
        distributed.GradientSum(model.parameters()).finish()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {name: distributed.total(value) for name, value in values.items()}, gradients


def one_step(micro_batch: int | None = None) -> dict[str, Outcome]:
    """A batch of 8 with other numbers of masked tokens in each half, under every case, and a step of pre-training."""
    found = {}
    for name, changed in CASES.items():
        model, draw = tiny_model(dropout=0.0), torch.Generator().manual_seed(3)
        batch = tiny_training().batch(np.arange(0, 24, 3), augmentation=CHANGES, padded_to=15, draw=draw, device=CPU)
        batch.captions.groups[:3] = -1
        switches = ROBUST.model_copy(update={"ara_rate": 1.0, **changed})
        if name == "underflow":
            model.image_projection.weight.data.mul_(100)
        encoded = tiny_encoded(model, batch, draw, micro_batch=micro_batch)
        values = association_losses(encoded, weights=WEIGHTS | {"sdm": 0.5, "mlm": 0.2}, switches=switches)
        found[name] = outcome(values, model)
    model, draw = tiny_model(dropout=0.0), torch.Generator().manual_seed(3)
    batch = tiny_training().batch(np.arange(0, 24, 3), augmentation=CHANGES, padded_to=None, draw=draw, device=CPU)
    values = pretraining_losses(tiny_encoded(model, batch, draw, micro_batch=micro_batch), mask_rate=0.3, decoder_mask_rate=0.5)
    return found | {"pretraining": outcome(values, model)}


def assert_same(found: dict[str, Outcome], expected: dict[str, Outcome], cases: set[str]) -> None:
    for case in cases:
        for ours, theirs in zip(found[case], expected[case], strict=True):
            assert set(ours) == set(theirs)
            for name in ours:
                scale = max(1.0, float(theirs[name].abs().max()))  # a gradient of 10 has last digits of 1e-6
                assert (ours[name] - theirs[name]).abs().max() < 1e-5 * scale, f"{case}: {name}"


@pytest.fixture(scope="module")
def alone() -> dict[str, Outcome]:
    return one_step()


def whole_and_bounded() -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    return one_step(), one_step(2)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return together(2, whole_and_bounded, tmp_path_factory.mktemp("pair"))


def test_two_processes_have_the_losses_and_gradients_of_one(pair: list[Any], alone: dict[str, Outcome]) -> None:
    assert [alone[case][0]["degenerate"] > 0 for case in ("published", "underflow")] == [False, True]
    for found, bounded in pair:
        assert_same(found, alone, set(alone) - {"per process"})
        assert_same(bounded, alone, set(alone) - {"per process"})


def test_processes_may_have_different_numbers_of_pairs(alone: dict[str, Outcome], tmp_path: Path) -> None:
    """Three processes have 2, 3 and 3 of the 8 pairs."""
    for found in together(3, one_step, tmp_path):
        assert_same(found, alone, set(alone) - {"per process"})


def test_the_published_ara_mean_is_per_process(pair: list[Any], alone: dict[str, Outcome]) -> None:
    """Captions 0 to 2 have nothing to mask: the first of two processes averages over one caption, the second over four."""
    expected = []
    for rows in (slice(0, 4), slice(4, 8)):
        model, draw = tiny_model(dropout=0.0), torch.Generator().manual_seed(3)
        batch = tiny_training().batch(np.arange(0, 24, 3), augmentation=CHANGES, padded_to=15, draw=draw, device=CPU)
        captions = batch.captions
        captions.groups[:3] = -1
        chosen = captions.groups[rows] >= 0
        ids = captions.ids[rows]
        tokens, _ = model.encode_images(batch.images[rows])
        logits = model.attribute_decoder(ids.masked_fill(chosen, model.tokenizer.mask), captions.mask[rows], tokens, chosen)
        expected.append(float(torch.nn.functional.cross_entropy(logits, ids[chosen]).detach()))
    found = float(pair[0][0]["per process"][0]["loss_ara"])
    assert found == pytest.approx(sum(expected) / 2, abs=1e-5)
    assert found != pytest.approx(float(alone["per process"][0]["loss_ara"]), abs=1e-4)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_memory_of_a_few_samples_gives_the_objective_of_all(size: int, alone: dict[str, Outcome]) -> None:
    assert_same(one_step(size), alone, set(alone))


def train(state: Path) -> dict[str, Any]:
    rates = {"learning_rate": 1e-3, "warmup_steps": 2, "weight_decay": 0.05, "betas": (0.9, 0.98), "clip_norm": 1.0}
    training = tiny_training()
    progress = finetune(
        tiny_model(dropout=0.0),
        training,
        tiny_target(training),
        settings=tiny_settings(Optimisation(epochs=2, batch_size=8, **rates), CHANGES, save_seconds=60.0),
        weights=WEIGHTS,
        switches=ROBUST.model_copy(update={"hard_negatives": "sampled"}),
        engine=tiny_engine(),
        padded_to=None,
        seed=0,
        state=state,
    )
    return {"rows": progress.rows, "weights": progress.best_weights}


def test_a_training_ends_alike_whatever_the_number_of_processes(tmp_path: Path) -> None:
    alone = train(tmp_path / "state.pt")
    first, second = together(2, train, tmp_path, tmp_path / "state.pt")
    assert all(torch.equal(first["weights"][name], value) for name, value in second["weights"].items())
    assert first["rows"] == second["rows"]
    for ours, theirs in zip(first["rows"], alone["rows"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
    for name, value in alone["weights"].items():
        assert (first["weights"][name] - value).abs().max() < 1e-3, name


def lengths(count: int) -> list[int]:
    rows = distributed.own_rows(count)
    mine = torch.arange(count, dtype=torch.float32)[rows].requires_grad_()
    everyone = distributed.gather(mine, count)
    (everyone * everyone).sum().backward()
    assert mine.grad is not None
    assert torch.equal(mine.grad, 2 * distributed.size() * mine.detach())  # each process has the whole sum as its loss
    return everyone.detach().tolist()


def test_rows_are_gathered_in_order_and_with_gradient(tmp_path: Path) -> None:
    assert together(3, lengths, tmp_path, 8) == [list(range(8))] * 3
    assert lengths(8) == list(range(8))


def test_the_global_loss_does_not_see_who_computed_a_feature() -> None:
    """The loss of gathered features is that of one process by construction; here that halves averaged would not be."""
    torch.manual_seed(0)
    image, text, persons = torch.randn(8, 4), torch.randn(8, 4), torch.arange(8)
    halves = [losses.global_association(image[rows], text[rows], persons[rows]) for rows in (slice(0, 4), slice(4, 8))]
    assert abs(losses.global_association(image, text, persons) - sum(halves) / 2) > 0.1
