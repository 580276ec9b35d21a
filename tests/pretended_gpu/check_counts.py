"""How often a training waits for the device, and how many kernels its steps start. Who adds a wait to a step fails here."""

from dataclasses import replace

import numpy as np
import pytest

from cada.retrieval.search import Search
from tests.pretended_gpu.device import CUDA, PretendedGpu
from tests.pretended_gpu.paths import PRETRAINING, pretraining, step, training
from tests.training.tiny import SIZES, WEIGHTS, tiny_engine, tiny_model, tiny_target, tiny_training

RUNS = {"fine-tuning": training, "pre-training": pretraining}
EPOCH = (
    "cada/retrieval/",
    "cada/datasets/images.py",
    "cada/model/folder.py",
    "cada/training/loop.py, _require_numbers",
)  # where it waits at the end of an epoch only
# Of a step with two layers in each transformer, without the optimiser's: an operation of torch is a kernel, or a few.
LAUNCHES = {("robust", "fp32"): 635, ("robust", "bf16"): 1032, (PRETRAINING, "fp32"): 858, (PRETRAINING, "bf16"): 1306}


@pytest.mark.parametrize("kind", RUNS)
def test_a_training_step_waits_for_nothing(kind, tmp_path):
    run = RUNS[kind]
    with PretendedGpu() as gpu:
        rows = len(run(CUDA, tmp_path / "state.pt", save_seconds=1000.0).rows)
    waits = {place: count for place, count in gpu.waits.items() if not place.startswith(EPOCH)}
    assert waits == {"cada/training/loop.py, means: copy to the CPU": rows}


@pytest.mark.parametrize(("case", "precision"), LAUNCHES)
def test_a_step_starts_no_more_kernels_than_are_known(case, precision):
    with PretendedGpu() as gpu:
        step(CUDA, case, precision=precision, weights=WEIGHTS)
    assert 0.95 * LAUNCHES[case, precision] <= sum(gpu.launches.values()) <= LAUNCHES[case, precision]


def test_a_batch_is_re_ranked_by_two_calls_of_attention_a_layer():
    """Captions and images of which each batch has many; the first layer's self-attention is computed for all captions before."""
    target = tiny_target(tiny_training())
    with PretendedGpu() as gpu:
        search = Search.of(tiny_model().eval().to(CUDA), target, replace(tiny_engine(), batch_size=5))
        gpu.reset()
        search.match(np.tile(np.arange(12), (24, 1)))
    assert sum(gpu.attention.values()) == 1 + 3 * (2 * SIZES.depth - 1)  # in three chunks of images


def test_an_evaluation_waits_for_its_results_only():
    """For the features of images, of captions, the cosines with their ranking, and the logits; nothing is sent that is not pinned."""
    target = tiny_target(tiny_training())
    with PretendedGpu() as gpu:
        Search.of(tiny_model().eval().to(CUDA), target, replace(tiny_engine(), batch_size=5)).found()
    assert dict(gpu.waits) == {
        "cada/retrieval/encoding.py, _encode_gallery: copy to the CPU": 1,
        "cada/retrieval/encoding.py, _encode_queries: copy to the CPU": 1,
        "cada/retrieval/reranking.py, match_logits: copy to the CPU": 1,
        "cada/retrieval/search.py, ranked: copy to the CPU": 2,
    }
