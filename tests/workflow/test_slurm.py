"""The profile for Slurm on a real cluster of one node: the steps run, and a job that is cut short goes on."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest

from cada.runtime import resources
from tests.workflow.cluster import MEMORY, Cluster, cluster, missing
from tests.workflow.project import NOTHING, Project, wait_until

SMOKE = "params/smoke/workflow.yaml"
# The executor looks at its jobs after 1, 11, 21 ... seconds and cannot be told otherwise; here it does so every second.
EVERY_SECOND = """
import asyncio, sys
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
RemoteExecutor.sleep = lambda self: asyncio.sleep(1)
main(sys.argv[1:])
"""
PROFILE = (sys.executable, "-c", EVERY_SECOND, "--workflow-profile", "profiles/slurm", "--configfile", SMOKE)
TRANSFORMER = {"width": 48, "depth": 2, "heads": 2, "mlp": 96}
PERSONS = {"pretrain": 40, "train": 20, "val": 6, "test": 12}
EPOCHS = 20
ENDED = {"CANCELLED", "COMPLETED", "FAILED", "TIMEOUT"}

pytestmark = pytest.mark.slurm


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Start a cluster for the test; without Slurm the test is skipped, where CI is set it fails."""
    if absent := missing():
        assert not os.environ.get("CI"), f"Slurm is not installed ({', '.join(absent)}): tests/workflow/slurm.sh"
        pytest.skip(f"Slurm is not installed ({', '.join(absent)}): tests/workflow/slurm.sh installs it")
    with ExitStack() as running:
        yield lambda **options: running.enter_context(cluster(tmp_path_factory.mktemp("slurm"), **options))


@pytest.mark.slow  # fourteen jobs, each of which starts Snakemake three times: minutes
def test_the_steps_run_and_a_training_that_is_killed_or_out_of_time_goes_on(
    start: Callable[..., Cluster], make_project: Callable[..., Project]
) -> None:
    slurm = start()
    project = make_project("project", matrix="datasets: [smoke]\nvariants: [dual]\nseeds: [0]\n", drawn=True)
    (project.root / SMOKE).write_text("datasets: [smoke]\nvariants: [dual]\nseeds: [0]\n")
    project.change("smoke/data.yaml", synthesis={"persons": PERSONS, "images_per_person": [2, 2]}, gallery_parts=2)
    project.change("smoke/model.yaml", vision=TRANSFORMER, text=TRANSFORMER)
    project.pretrain("smoke", optimisation={"epochs": 2, "batch_size": 32})
    project.change("smoke/train.yaml", optimisation={"epochs": EPOCHS, "batch_size": 16}, watch_test="none", save_seconds=0.0)
    project.environment |= slurm.environment | {"CADA_TRACKING": "off"}
    training = Training(slurm, project)

    with project.running(*PROFILE, "--", "all", output=project.root.with_name("slurm.txt")) as snakemake:
        killed = training.wait_for_epoch(2)
        slurm.ask("scancel", "--signal=KILL", killed)
        assert training.end_of(killed) == "CANCELLED"
        late = training.wait_for_epoch(4)
        assert "epoch 1 of" not in training.log.read_text(), "it goes on from the saved state"
        slurm.ask("scancel", "--signal=STOP", late)  # Slurm looks at the time every half minute: it shall not end before
        slurm.ask("scontrol", "update", f"JobId={late}", f"EndTime={datetime.now() + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}")
        assert training.end_of(late) == "TIMEOUT"
        assert snakemake.wait(timeout=900) == 0, project.root.with_name("slurm.txt").read_text()

    log = training.log.read_text()
    assert f"epoch {EPOCHS} of {EPOCHS}" in log
    assert "epoch 3 of" not in log, "it goes on from the saved state"  # epoch 4 is printed before it is saved
    assert NOTHING in project.run("snakemake", "--cores", "1", "--configfile", SMOKE, "--", "all")


def test_a_step_asks_for_what_its_recipe_takes_and_a_partition_has(
    start: Callable[..., Cluster], make_project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = start(gpu=True)
    monkeypatch.setenv("SLURM_CONF", str(slurm.config))
    resources.partition.cache_clear()
    assert resources.partition() == resources.Place(gpus=1, mem_mb=MEMORY, minutes=2 * 24 * 60, cluster=True)
    resources.partition.cache_clear()

    project = make_project("project", matrix="datasets: [smoke]\nvariants: [dual]\nseeds: [0]\n", fake=True)
    project.change("smoke/data.yaml", synthesis={"persons": PERSONS})
    project.pretrain("smoke", compute={"device": "cuda", "threads": 2})
    project.environment |= slurm.environment
    project.run(*PROFILE, "--", "results/smoke/initial/model.safetensors")
    assert project.ran() == ["data prepare smoke", "initial smoke"]
    fields = ("NumCPUs", "MinMemory", "TimeLimit", "tres-per-job")
    told = slurm.ask("squeue", "--states=all", "--noheader", "--sort=i", f"--Format={','.join(f'{name}:20|' for name in fields)}")
    requested = [[word.strip() for word in line.split("|")[:4]] for line in told.splitlines()]
    assert requested[0] == ["1", "8000M", "1:00:00", "N/A"]
    assert requested[1] == ["2", requested[1][1], "1:00:00", "gres:gpu:1"]


class Training:
    """The jobs of the train step, by the cluster and the step's log."""

    def __init__(self, slurm: Cluster, project: Project) -> None:
        self.slurm = slurm
        self.log = project.root / "results/smoke/logs/train/dual/0.log"

    def running(self) -> list[str]:
        """The numbers of the jobs that run: one or none."""
        return [number for number, state in self.slurm.jobs("train").items() if state == "RUNNING"]

    def wait_for_epoch(self, least: int) -> str:
        """The number of the job that runs, as soon as it is behind the epoch."""

        def behind() -> bool:
            epochs = re.findall(r"epoch (\d+) of", self.log.read_text()) if self.log.exists() else []
            return bool(epochs) and int(epochs[-1]) >= least and bool(self.running())

        wait_until(behind, seconds=300, what=f"a training to be behind epoch {least}")
        return self.running()[0]

    def end_of(self, number: str) -> str:
        """How the job ends. Its log is renamed: what is there then is the next one's."""
        wait_until(lambda: self.slurm.jobs("train")[number] in ENDED, seconds=120, what=f"job {number} to end")
        self.log.unlink()
        return self.slurm.jobs("train")[number]
