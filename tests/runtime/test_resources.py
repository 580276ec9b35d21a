"""What a step requests: GPUs by recipe, build of torch and place, memory and time by the estimate, within a partition's limits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cada.config import DatasetParameters, load_dataset
from cada.runtime import resources
from cada.runtime.resources import DAY, Place, here, needed, partition
from tests.messages import refused

ROOT = Path(__file__).parents[2]
LAPTOP, FOUR = Place(gpus=0), Place(gpus=4)
BLIND, GPUS = Place(gpus=0, cluster=True), Place(gpus=1, cluster=True)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    partition.cache_clear()


@pytest.fixture
def torch_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """As if this build of torch were installed."""
    return lambda build: monkeypatch.setattr(resources, "version", lambda package: f"2.13.0{build}")


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """An sinfo that answers with these lines."""

    def answering(lines: str) -> None:
        (tmp_path / "sinfo").write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
        (tmp_path / "sinfo").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answering


def with_compute(dataset: str, **changes: object) -> DatasetParameters:
    """The recipe, its training computed otherwise."""
    parameters = load_dataset(dataset)
    compute = parameters.train.compute.model_copy(update=changes)
    return parameters.model_copy(update={"train": parameters.train.model_copy(update={"compute": compute})})


@pytest.mark.parametrize(
    ("device", "build", "place", "gpus"),
    [
        ("auto", "+cpu", GPUS, 0),
        ("auto", "+cu130", GPUS, 1),
        ("auto", "", GPUS, 1),
        ("auto", "+rocm7.1", GPUS, 1),
        ("auto", "+cu130", BLIND, 0),
        ("auto", "+rocm7.1", BLIND, 0),
        ("auto", "+cu130", LAPTOP, 0),
        ("auto", "+rocm7.1", LAPTOP, 1),
        ("auto", "+cu130", FOUR, 4),
        ("cpu", "+cu130", GPUS, 0),
        ("cuda", "+cpu", BLIND, 1),
    ],
)
def test_a_gpu_is_asked_for_where_the_step_will_use_it(
    torch_for: Callable[[str], None], device: str, build: str, place: Place, gpus: int
) -> None:
    torch_for(build)
    found = needed("train", with_compute("cuhk_pedes", device=device, processes="auto", threads=4), place)
    assert (found.gpu, found.threads) == (gpus, 4 * max(1, gpus))


def test_processes_that_the_recipe_counts_have_a_gpu_each(torch_for: Callable[[str], None]) -> None:
    torch_for("+cu130")
    assert needed("train", with_compute("cuhk_pedes", processes=3), GPUS).gpu == 3
    assert needed("initial", load_dataset("cuhk_pedes"), GPUS).gpu == 0, "weights are only copied"


def test_the_next_attempt_asks_for_more_within_the_partition_s_limits(torch_for: Callable[[str], None]) -> None:
    torch_for("+cpu")
    parameters = load_dataset("smoke")
    first, second = (needed("train", parameters, BLIND, attempt=attempt) for attempt in (1, 2))
    assert second.runtime == 2 * first.runtime
    assert abs(second.mem_mb - 2 * first.mem_mb) <= 1
    small = Place(gpus=0, mem_mb=5000, minutes=90, cluster=True)
    assert (needed("train", parameters, small).mem_mb, needed("train", parameters, small, attempt=2).runtime) == (5000, 90)


def test_a_larger_recipe_asks_for_more_and_never_for_more_than_a_day(torch_for: Callable[[str], None]) -> None:
    torch_for("+cpu")
    small, large, paper = (needed("train", load_dataset(name), BLIND) for name in ("smoke", "synthpedes", "cuhk_pedes"))
    assert small.mem_mb < large.mem_mb < paper.mem_mb
    assert small.runtime <= large.runtime < paper.runtime == DAY
    torch_for("+cu130")
    assert needed("train", load_dataset("cuhk_pedes"), GPUS).mem_mb < paper.mem_mb / 2, "activations are on the GPU"


def test_every_set_has_an_answer_for_every_step() -> None:
    for path in ROOT.glob("params/*/data.yaml"):
        for step in ("initial", "train", "evaluate", "probe", "associate", "transfer"):
            assert needed(step, load_dataset(path.parent.name), GPUS).runtime >= 60


def test_a_partition_is_what_sinfo_says(slurm: Callable[[str], None]) -> None:
    slurm(
        "main*|1-12:00:00|64000|(null)\n"
        "gpu|4:30:00|128000+|gpu:a100:4(S:0-1),nvme:1\n"
        "gpu|4:30:00|512000|gpu:8\n"
        "short|30:00|8000|nvme:gpus:3"
    )
    assert partition() == Place(gpus=0, mem_mb=64000, minutes=2160, cluster=True)
    assert partition("gpu") == Place(gpus=1, mem_mb=512000, minutes=270, cluster=True)
    assert partition("short") == Place(gpus=0, mem_mb=8000, minutes=30, cluster=True)
    assert partition("main,gpu").gpus == 1
    with refused("slurm_partition", "long", "main*, gpu, gpu, short"):
        partition("long")


def test_without_a_default_partition_or_a_limit_there_is_an_answer(slurm: Callable[[str], None]) -> None:
    slurm("one|infinite|1000|(null)\ntwo|UNLIMITED|2000|gpu:1")
    assert partition() == Place(gpus=1, mem_mb=2000, minutes=None, cluster=True)


def test_away_from_the_cluster_the_login_node_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused("sinfo", "login node", cause=FileNotFoundError):
        partition()


def test_a_slurm_job_has_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for granted, count in (("2", 2), ("a100:3", 3)):
        monkeypatch.setenv("SLURM_GPUS", granted)
        assert here().gpus == count


def test_the_plan_is_made_without_torch() -> None:
    """By all that the rules import."""
    code = "import cada.storage.unlisted, cada.pipeline, cada.recipes, cada.runtime.resources, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n"
