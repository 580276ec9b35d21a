"""Three processes with a pretended GPU each: the gradients and weights of one process on the CPU."""

from unittest.mock import patch

import torch
import torch.distributed as dist

from cada.runtime import distributed
from tests.pretended_gpu.collectives import together
from tests.pretended_gpu.device import CUDA, OnGpu
from tests.pretended_gpu.paths import CPU, step, training

BUCKET = 5000


def shares(folder):
    """This process's part of a step, summed, and a training; how much it summed in this over processes, and whether in a backward pass."""
    found, exchanged, reduce = step(CUDA, micro_batch=2), [], dist.all_reduce

    def recorded(tensor, **how):
        exchanged.append((tensor.numel(), torch._C._current_graph_task_id() >= 0))
        return reduce(tensor, **how)

    with patch.object(dist, "all_reduce", recorded), patch.object(distributed, "BUCKET", BUCKET):
        progress = training(CUDA, folder / "state.pt", micro_batch=2)
    assert not any(isinstance(weight, OnGpu) for weight in progress.best_weights.values())
    return found, progress.rows, progress.best_weights, exchanged


def test_three_processes_train_as_one(tmp_path):
    """They have 2, 3 and 3 pairs, so one chunk or two, and exchange the same at the same time."""
    parts = together(3, shares, tmp_path / "parts", tmp_path)
    one, progress = step(CPU), training(CPU, tmp_path / "cpu.pt")
    for found, rows, weights, exchanged in parts:
        for name, gradient in one.gradients.items():
            scale = max(1.0, float(gradient.abs().max()))
            assert (found.gradients[name] - gradient).abs().max() < 1e-5 * scale, name
        assert [row["step"] for row in rows] == [row["step"] for row in progress.rows]
        assert [round(row["loss"], 3) for row in rows] == [round(row["loss"], 3) for row in progress.rows]
        for name, weight in progress.best_weights.items():
            assert torch.allclose(weights[name], weight, atol=1e-3), name
        assert exchanged == parts[0][3]
    for name, loss in one.losses.items():
        assert abs(sum(found.losses[name] for found, *_ in parts) - loss) < 1e-4
    gradients = [inside for size, inside in parts[0][3] if size >= BUCKET]
    buckets = gradients.count(False)  # of the first step, in which nobody knows which gradients will come
    assert buckets > 3 and gradients == buckets * [False] + 5 * buckets * [True]
