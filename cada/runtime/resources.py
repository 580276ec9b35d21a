"""What a step needs of the machine or the cluster that runs it: threads, GPUs, memory, time, all from its recipe.

Read by the Snakefile in every process of a run, so without torch, whose import takes seconds. A cluster's login node has
neither the GPUs nor the speed of the nodes: memory and time are estimates for a slow node, and generous ones. A job that gets too
little is submitted again and requests more, and a training goes on from its saved state (`retries` in profiles/slurm/config.yaml).
"""

from __future__ import annotations

import math
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from packaging.version import Version

from cada.config import Compute, DatasetParameters, Train
from cada.config.steps import Pretraining
from cada.doctor.estimate import Workload, annotated_counts, operations_of, setting_of, split_counts, vocabulary_size, workload_of
from cada.errors import CadaError
from cada.model.cost import parameter_count
from cada.model.memory import FP32, image_bytes
from cada.runtime.gpus import visible_gpus

# Megabytes. Measured: a step on the CPU has 0.5 GB before its data; on CUDA, libraries and pinned memory take some GB of the host.
SNAKEMAKE, ON_CPU, ON_CUDA = 1000, 2000, 6000
ROOM = 1.25  # times the estimate

# Operations a second that a slow node reaches: a fifth of what a thread here does (docs/performance.md), and a small GPU.
CPU_THREAD = 1e10
CUDA = {"fp32": 4e12, "tf32": 8e12, "bf16": 2e13}
SHORTEST, DAY = 60, 1440  # minutes; what takes longer than a day is requested day by day
SEARCHES = 10  # the probe step searches a part of test again for each change of captions or images


@dataclass(frozen=True)
class Place:
    """Where steps run. `gpus`: how many a step has that takes what there is; `mem_mb`, `minutes`: the most a job may have."""

    gpus: int
    mem_mb: int | None = None
    minutes: int | None = None
    cluster: bool = False


@dataclass(frozen=True)
class Needed:
    """What a step takes in all its processes; memory in megabytes of the host, time in minutes."""

    threads: int
    gpu: int
    mem_mb: int
    runtime: int


def here() -> Place:
    """This machine, or what a Slurm job that this process is part of was given."""
    granted = os.environ.get("SLURM_GPUS")
    return Place(gpus=int(granted.rsplit(":")[-1]) if granted else len(visible_gpus()))


@cache
def partition(name: str | None = None) -> Place:
    """A Slurm partition, the default one without `name`: one GPU for a step where its nodes have some, and its limits."""
    listed = _sinfo()
    rows = [row for row in listed if (row[0].endswith("*") if name is None else row[0].rstrip("*") in name.split(","))]
    rows = rows or ([] if name else listed)
    if not rows:
        raise CadaError(f"slurm_partition: {name}: sinfo lists no such partition. It lists {', '.join(row[0] for row in listed)}.")
    gpus = max(sum(map(int, re.findall(r"\bgpu:(?:[^:,(]+:)?(\d+)", row[3]))) for row in rows)
    limits = [minutes for row in rows if (minutes := _minutes(row[1])) is not None]
    memory = max(int(row[2].rstrip("+")) for row in rows)
    return Place(gpus=min(1, gpus), mem_mb=memory, minutes=max(limits, default=None), cluster=True)


def _sinfo() -> list[list[str]]:
    """Partition (with a star: the default), time limit, a node's memory, its GPUs and other devices."""
    command = ["sinfo", "--noheader", "--exact", "--format", "%P|%l|%m|%G"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CadaError("sinfo: there is no such command. Call the Slurm profile where Slurm's commands are: on a login node.") from error
    if done.returncode:
        raise CadaError(f"sinfo: {done.stderr.strip()}. The Slurm profile needs it for the GPUs and limits of the partition.")
    return [line.strip().split("|") for line in done.stdout.splitlines() if line.strip()]


def _minutes(limit: str) -> int | None:
    """Minutes of Slurm's [days-]hours:minutes:seconds or minutes:seconds; None where there is no limit."""
    if not (found := re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):\d+", limit)):
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return days * DAY + hours * 60 + minutes


def needed(step: str, parameters: DatasetParameters, place: Place, *, attempt: int = 1) -> Needed:
    """What `step`, one that computes, takes; each further attempt requests more memory and time."""
    compute = _compute(step, parameters)
    if compute is None:
        return Needed(1, 0, _bounded(ROOM * (SNAKEMAKE + ON_CPU + 4 * _model_mb(parameters)), place.mem_mb, attempt), SHORTEST)
    cuda = on_cuda(compute.device, place)
    processes = compute.processes if compute.processes != "auto" else max(1, place.gpus) if cuda else 1
    workload = workload_of(parameters, _training(step, parameters), processes=processes, fused=cuda)
    seconds = _operations(step, parameters, workload)
    if seconds is not None:
        seconds /= processes * (CUDA[compute.precision] if cuda else CPU_THREAD * compute.threads)
    minutes = DAY if seconds is None else min(DAY, max(SHORTEST, math.ceil(seconds / 60)))
    return Needed(
        threads=compute.threads * processes,
        gpu=processes if cuda else 0,
        mem_mb=_bounded(ROOM * _host_memory(step, parameters, workload, cuda=cuda), place.mem_mb, attempt),
        runtime=_bounded(minutes, place.minutes, attempt),
    )


def on_cuda(device: str, place: Place) -> bool:
    """Whether a step runs on CUDA (or ROCm, which torch calls so too): `auto` depends on the build of torch and the place."""
    build = Version(version("torch")).local or ""
    blind = build.startswith("rocm") and not place.cluster  # visible_gpus() knows NVIDIA's alone
    return device == "cuda" or (device == "auto" and build != "cpu" and (place.gpus > 0 or blind))


def _bounded(amount: float, most: int | None, attempt: int) -> int:
    """A job that requests more than a partition gives would never start."""
    wanted = math.ceil(amount * attempt)
    return wanted if most is None else min(wanted, most)


def _compute(step: str, parameters: DatasetParameters) -> Compute | None:
    """None: initial weights that are only copied."""
    if step == "initial":
        return parameters.initial.pretrain.compute if parameters.initial.pretrain else None
    if step == "attention":  # a few images, on the CPU
        return parameters.evaluate.compute.model_copy(update={"device": "cpu", "processes": 1})
    if step == "associate":
        return parameters.evaluate.compute.model_copy(update={"processes": 1})
    return parameters.train.compute if step == "train" else parameters.evaluate.compute


def _training(step: str, parameters: DatasetParameters) -> Train | Pretraining:
    """The training whose memory and time count: a search takes those of the model that it reads."""
    return parameters.initial.pretrain if step == "initial" and parameters.initial.pretrain else parameters.train


def _model_mb(parameters: DatasetParameters) -> float:
    return FP32 * parameter_count(parameters.model.architecture, vocabulary=vocabulary_size(parameters)) / 1e6


def _host_memory(step: str, parameters: DatasetParameters, workload: Workload, *, cuda: bool) -> float:
    """Megabytes on the host: programs, decoded images (in the page cache, which counts too), and the step's own.

    A training on the CPU has all in it; on CUDA the host has the model as it is read and the state as it is saved. A search
    has what `memory_mb` allows, whether on the device or beside it.
    """
    model, counts = _model_mb(parameters), annotated_counts(parameters.data)
    images = image_bytes(workload.architecture, sum(split.images for split in counts.values())) / 1e6
    own = 6 * model
    if step in ("initial", "train") and not cuda:
        own += workload.memory(setting_of(_training(step, parameters))).total / 1e6
    if step != "initial":
        own += (parameters.train.validation if step == "train" else parameters.evaluate).memory_mb
    return SNAKEMAKE + images + workload.processes * (own + (ON_CUDA if cuda else ON_CPU))


def _operations(step: str, parameters: DatasetParameters, workload: Workload) -> float | None:
    """Floating-point operations of the step; None where the parameters do not say how large the set is."""
    if step == "initial":
        pretrain = annotated_counts(parameters.data).get("pretrain")
        return workload.steps(pretrain) * workload.step_flops(setting_of(_training(step, parameters))) if pretrain else None
    counts = split_counts(parameters.data, "test")  # the most: nobody is held out of train
    if not {"train", "val", "test"} <= counts.keys():
        return None
    found = operations_of(parameters.train, parameters.evaluate, counts=counts, workload=workload)
    return {"train": found.learning + found.validating, "probe": SEARCHES * found.scoring}.get(step, found.scoring)
