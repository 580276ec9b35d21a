"""How often a training waits for the device, and how many kernels its steps start. Who adds a wait to a step fails here."""

import pytest

from tests.pretended_gpu.device import CUDA, PretendedGpu
from tests.pretended_gpu.paths import PRETRAINING, pretraining, step, training
from tests.training.tiny import WEIGHTS

RUNS = {"fine-tuning": (training, 6), "pre-training": (pretraining, 3)}  # and their steps
EPOCH = (
    "cada/retrieval/",
    "cada/datasets/images.py",
    "cada/model/folder.py",
    "cada/training/loop.py, _all_finite",
)  # where it waits at the end of an epoch only
PER_STEP = {  # of each step, by where they are
    "fine-tuning": {
        "cada/losses.py, hard_negatives: _local_scalar_dense": 1,
        "cada/objectives/atp.py, match: _unique2": 3,
        "cada/model/encoders.py, forward: index by a mask": 1,
        "cada/training/objective.py, predict: index by a mask": 1,
        "backward: index_put by a mask": 1,
    },
    "pre-training": {
        "cada/losses.py, hard_negatives: _local_scalar_dense": 1,
        "cada/losses.py, _choose: copy to the CPU": 2,
        "cada/losses.py, _choose: copy to the GPU": 2,
        "cada/objectives/atp.py, match: _unique2": 3,
        "cada/objectives/mlm.py, random_words: copy to the CPU": 2,
        "cada/objectives/mlm.py, logits: index by a mask": 1,
        "cada/training/objective.py, predict: index by a mask": 2,
        "cada/model/encoders.py, forward: index by a mask": 1,
        "backward: index_put by a mask": 2,
    },
}
# Of a step with two layers in each transformer, without the optimiser's: an operation of torch is a kernel, or a few.
LAUNCHES = {("robust", "fp32"): 1344, ("robust", "bf16"): 1990, (PRETRAINING, "fp32"): 1580, (PRETRAINING, "bf16"): 2285}


@pytest.mark.parametrize("kind", RUNS)
def test_a_training_step_waits_as_often_as_is_known(kind, tmp_path):
    run, steps = RUNS[kind]
    with PretendedGpu() as gpu:
        rows = len(run(CUDA, tmp_path / "state.pt", save_seconds=1000.0).rows)
    waits = {place: count for place, count in gpu.waits.items() if not place.startswith(EPOCH)}
    assert waits.pop("cada/training/loop.py, means: copy to the CPU") == rows
    assert {place: count / steps for place, count in waits.items()} == PER_STEP[kind]


@pytest.mark.parametrize(("case", "precision"), LAUNCHES)
def test_a_step_starts_no_more_kernels_than_are_known(case, precision):
    with PretendedGpu() as gpu:
        step(CUDA, case, precision=precision, weights=WEIGHTS)
    assert 0.9 * LAUNCHES[case, precision] <= sum(gpu.launches.values()) <= LAUNCHES[case, precision]
