"""Three processes with a pretended GPU each: the gradients and weights of one process on the CPU."""

import torch

from tests.pretended_gpu.collectives import together
from tests.pretended_gpu.device import CUDA, OnGpu
from tests.pretended_gpu.paths import CPU, step, training


def shares(folder):
    """This process's part of a step, summed, and a training."""
    found = step(CUDA, micro_batch=2)
    progress = training(CUDA, folder / "state.pt")
    assert not any(isinstance(weight, OnGpu) for weight in progress.best_weights.values())
    return found, progress.rows, progress.best_weights


def test_three_processes_train_as_one(tmp_path):
    parts = together(3, shares, tmp_path / "parts", tmp_path)
    one, progress = step(CPU), training(CPU, tmp_path / "cpu.pt")
    for found, rows, weights in parts:
        for name, gradient in one.gradients.items():
            scale = max(1.0, float(gradient.abs().max()))
            assert (found.gradients[name] - gradient).abs().max() < 1e-5 * scale, name
        assert [row["step"] for row in rows] == [row["step"] for row in progress.rows]
        assert [round(row["loss"], 3) for row in rows] == [round(row["loss"], 3) for row in progress.rows]
        for name, weight in progress.best_weights.items():
            assert torch.allclose(weights[name], weight, atol=1e-3), name
    for name, loss in one.losses.items():
        assert abs(sum(found.losses[name] for found, _, _ in parts) - loss) < 1e-4
