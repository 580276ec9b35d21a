"""Trainings with validation, killed and resumed, and pre-trainings: those of the CPU."""

import math
from unittest.mock import patch

import pytest
import torch

from cada.training import loop
from tests.pretended_gpu.device import CUDA, OnGpu, PretendedGpu
from tests.pretended_gpu.paths import CPU, pretraining, training


class Killed(BaseException):
    """Stands for SIGKILL inside one process: nothing handles it."""


def assert_same(ours, theirs):
    assert ours.rows == theirs.rows
    assert not any(isinstance(weight, OnGpu) for weight in ours.best_weights.values())
    assert [name for name, weight in theirs.best_weights.items() if not torch.equal(ours.best_weights[name], weight)] == []


def test_fine_tuning_ends_with_the_weights_of_the_cpu(tmp_path):
    theirs = training(CPU, tmp_path / "cpu.pt")
    with PretendedGpu():
        ours = training(CUDA, tmp_path / "gpu.pt")
    assert_same(ours, theirs)
    assert {"val_mAP", "test_mAP"} <= ours.rows[-1].keys()


def test_killed_between_rows_it_goes_on_to_the_same_weights(tmp_path):
    save = loop._save

    def save_then_die(path, model, optimizer, progress):
        save(path, model, optimizer, progress)
        if progress.step == 2:  # there is no row before the third step
            raise Killed

    with PretendedGpu():
        unbroken = training(CUDA, tmp_path / "unbroken.pt", log_every=3, dropout=0.1)
        with patch.object(loop, "_save", save_then_die), pytest.raises(Killed):
            training(CUDA, tmp_path / "killed.pt", log_every=3, dropout=0.1)
        resumed = training(CUDA, tmp_path / "killed.pt", log_every=3, dropout=0.1)
    assert_same(resumed, unbroken)


def test_pre_training_ends_with_the_weights_of_the_cpu(tmp_path):
    theirs = pretraining(CPU, tmp_path / "cpu.pt")
    with PretendedGpu():
        ours = pretraining(CUDA, tmp_path / "gpu.pt")
    assert_same(ours, theirs)


@pytest.mark.parametrize("run", [training, pretraining])
def test_in_bf16_it_learns_about_the_same(run, tmp_path):
    theirs = run(CPU, tmp_path / "cpu.pt", dropout=0.1)
    with PretendedGpu():
        ours = run(CUDA, tmp_path / "gpu.pt", precision="bf16", dropout=0.1)
    assert [row["loss"] for row in ours.rows] == pytest.approx([row["loss"] for row in theirs.rows], rel=0.05)
    assert math.isfinite(ours.rows[-1]["loss"]) and {weight.dtype for weight in ours.best_weights.values()} == {torch.float32}
