"""The check of a GPU on the pretended one: no part fails."""

import json
from dataclasses import replace

import torch

from benchmarks import gpu_check, training
from benchmarks.inputs import QUICK, tokenizer_of
from benchmarks.measuring import Machine
from cada.doctor import machine
from tests.pretended_gpu.device import CUDA, PretendedGpu


def test_no_part_fails(tmp_path, monkeypatch):
    monkeypatch.setitem(machine.SIDE, "cuda", 64)
    monkeypatch.setattr(gpu_check, "CASES", {"robust": gpu_check.ROBUST})  # the others are those of check_losses.py
    monkeypatch.delitem(gpu_check.PARTS, "training, compiled")  # torch does not compile for a GPU that is pretended
    with PretendedGpu():
        gpu_check.main(["--quick", "--results", str(tmp_path)])
    found = json.loads((tmp_path / "gpu-check.json").read_text())
    assert found["failed"] == {} and found["gpu"] == "pretended"
    assert found["agree_robust_fp32"]["loss"] == 0 and found["parity_fp32"] < 1e-4


def test_out_of_memory_is_survived_and_the_largest_batches_are_found(monkeypatch):
    """There is room for 2 samples of the published step, and for 8 of ours."""
    published, ours = training.naive_losses, training.our_losses

    def limited(losses, most):
        def run(model, problem, *given, **how):
            if len(problem.persons) > most and model.training:
                raise torch.OutOfMemoryError
            return losses(model, problem, *given, **how)

        return run

    monkeypatch.setattr(training, "naive_losses", limited(published, 2))
    monkeypatch.setattr(training, "our_losses", limited(ours, 8))
    with PretendedGpu():
        found = training.training(tokenizer_of(QUICK.words), replace(QUICK, rounds=1), Machine(CUDA, fp32=1e9, bf16=2e9))
    assert (found["training_batch"], found["training_fits_batch"]) == (2, 8)
    assert found["training_fits_gflop"] == 4 * found["training_robust_bf16_gflop"] > 0
