"""What a training by some objectives takes: memory and time, and the smallest change that fits where it does not.

Every caption counts with the full number of tokens, as the published procedure pads it: the most that a variant takes.
torch's flop counter and torchinfo measure a model that was built; this is needed before, and where importing torch takes seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from cada.config import AbsentVal, Architecture, Counts, Data, DatasetParameters, Train, Validation
from cada.config.steps import Precision, Pretraining
from cada.model import cost
from cada.model.memory import Memory, training_memory
from cada.objectives import OBJECTIVES

ROOM = 0.9  # of a device's memory; the rest is for its libraries, scratch space and gaps
SHARE = 0.5  # of the speed of plain products that a training reaches: assumed
BERTS_WORDS = 30_524  # entries of BERT's vocabulary, [DEC] and [ENC] included


@dataclass(frozen=True)
class Setting:
    """The parameters that trade memory for time or digits."""

    precision: Precision
    checkpointing: bool
    micro_batch: int | None


@dataclass(frozen=True)
class Workload:
    """What an estimate needs of params/<dataset>/ and of a variant; `fused`: see `cada.model.memory.layer_bytes`."""

    architecture: Architecture
    objectives: tuple[str, ...]
    vocabulary: int
    batch: int
    epochs: float
    processes: int
    fused: bool

    @property
    def own(self) -> int:
        """The largest share of the batch that one process has."""
        return math.ceil(self.batch / self.processes)

    def memory(self, setting: Setting) -> Memory:
        """Bytes on one device under `setting`."""
        return training_memory(
            self.architecture,
            objectives=self.objectives,
            vocabulary=self.vocabulary,
            tokens=self.architecture.max_tokens,
            batch=self.batch,
            processes=self.processes,
            precision=setting.precision,
            checkpointing=setting.checkpointing,
            micro_batch=setting.micro_batch,
            fused=self.fused,
        )

    def step_flops(self, setting: Setting) -> float:
        """Operations of one step on the whole batch; checkpoints and chunks each repeat the forward pass."""
        chunked = setting.micro_batch is not None and setting.micro_batch < self.own
        return cost.training_flops(
            self.architecture,
            samples=self.batch,
            tokens=self.architecture.max_tokens,
            vocabulary=self.vocabulary,
            recomputed=setting.checkpointing + chunked,
            objectives=self.objectives,
        )

    def scoring_flops(self, counts: Counts, *, top_k: int) -> float:
        """Operations of scoring one split; only a trained match head re-ranks."""
        tokens, reranks = self.architecture.max_tokens, any(OBJECTIVES[name].reranks for name in self.objectives)
        found = cost.evaluation_flops(self.architecture, images=counts.images, captions=counts.captions, top_k=top_k, tokens=tokens)
        return sum(flops for stage, flops in found.items() if reranks or stage != "re-rank")

    def steps(self, train: Counts) -> int:
        """Steps of the whole training: two captions of an image at most, whole batches."""
        return round(self.epochs * (min(train.captions, 2 * train.images) // self.batch))


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of one training, of its validations, and of the evaluation of what it made."""

    steps: int
    learning: float
    validating: float
    scoring: float


def workload_of(
    parameters: DatasetParameters, training: Train | Pretraining, *, processes: int, fused: bool, objectives: Iterable[str] = cost.DUAL
) -> Workload:
    """What a training by `objectives`, or the pre-training by its own, does with the model of `parameters`."""
    own = cost.PRETRAINING if isinstance(training, Pretraining) else tuple(objectives)
    words, optimisation = vocabulary_size(parameters), training.optimisation
    return Workload(parameters.model.architecture, own, words, optimisation.batch_size, optimisation.epochs, processes, fused)


def vocabulary_size(parameters: DatasetParameters) -> int:
    """Entries with [DEC] and [ENC]: of the file that model.yaml names, else of the weights'; BERT's, which the published weights have,
    where there is no such file.
    """
    named, weights = parameters.model.vocabulary, parameters.initial.weights
    path = named.path if named else weights.path / "vocab.txt" if weights else None
    return len(path.read_text(encoding="utf-8").split()) + 2 if path and path.is_file() else BERTS_WORDS


def setting_of(training: Train | Pretraining) -> Setting:
    """What the parameters say of memory, time and digits."""
    return Setting(training.compute.precision, training.compute.checkpointing, training.optimisation.micro_batch_size)


def operations_of(train: Train, evaluate: Validation, *, counts: Mapping[str, Counts], workload: Workload) -> Operations:
    """The operations of a training and its evaluation on a set with these `counts` of train, val and test."""
    setting, steps = setting_of(train), workload.steps(counts["train"])
    searched = [counts["val"]]
    if train.watch_test != "none":
        searched.append(watched(counts["test"], train.watch_test))
    validating = workload.epochs * sum(workload.scoring_flops(split, top_k=train.validation.top_k) for split in searched)
    scoring = sum(workload.scoring_flops(counts[split], top_k=evaluate.top_k) for split in ("val", "test"))
    return Operations(steps, steps * workload.step_flops(setting), validating, scoring)


def watched(test: Counts, wanted: int | Literal["all"]) -> Counts:
    """What the training searches in test after each epoch: the captions of so many persons, or `all`, in all images."""
    persons = test.persons if wanted == "all" else min(wanted, test.persons)
    return Counts(persons=persons, images=test.images, captions=round(test.captions * persons / test.persons))


def annotated_counts(data: Data) -> Mapping[str, Counts]:
    """What each split of the annotation holds, by data.yaml; nothing where it does not say."""
    if data.synthesis:
        images = sum(data.synthesis.images_per_person) / 2
        drawn = data.synthesis.persons.model_dump()
        return {name: Counts(persons=n, images=round(n * images), captions=2 * round(n * images)) for name, n in drawn.items() if n}
    return data.expected or {}


def split_counts(data: Data, absent_val: AbsentVal) -> Mapping[str, Counts]:
    """What a training finds in each split: `absent_val` says where val comes from when the annotation has none.

    A held-out val is taken off train; there is none where `held_out_persons` is missing or leaves nobody to train on.
    """
    counts = annotated_counts(data)
    if "val" in counts or not {"train", "test"} <= counts.keys():
        return counts
    if absent_val == "test":
        return {**counts, "val": counts["test"]}
    train, persons = counts["train"], data.held_out_persons
    if persons is None or persons >= train.persons:
        return counts
    share = persons / train.persons
    val = Counts(persons=persons, images=round(share * train.images), captions=round(share * train.captions))
    rest = {name: number - getattr(val, name) for name, number in train.model_dump().items()}
    return {**counts, "train": Counts(**rest), "val": val}


def fits(workload: Workload, setting: Setting, memory: int) -> bool:
    """Whether the training has room on a device with `memory` bytes."""
    return workload.memory(setting).total <= ROOM * memory


def smallest_change(workload: Workload, setting: Setting, memory: int) -> tuple[Setting, list[str]] | None:
    """The first setting of the same precision that fits, and the parameters of train.yaml that make it; None where none does."""
    for changed, parameters in _changes(workload, setting):
        if fits(workload, changed, memory):
            return changed, parameters
    return None


def smallest_change_in_bf16(workload: Workload, setting: Setting, memory: int) -> tuple[Setting, list[str]] | None:
    """The same from fp32 to bf16, which is faster and rounds more; None where no such setting fits."""
    found = smallest_change(workload, replace(setting, precision="bf16"), memory)
    return found and (found[0], ["compute.precision: bf16", *found[1]])


def _changes(workload: Workload, setting: Setting) -> Iterator[tuple[Setting, list[str]]]:
    """None, then ever larger ones that keep the objective: checkpoints, then chunks of half, a quarter ... of the batch."""
    parameters: list[str] = []
    yield setting, parameters
    if not setting.checkpointing:
        setting, parameters = replace(setting, checkpointing=True), ["compute.checkpointing: true"]
        yield setting, parameters
    size = min(setting.micro_batch or workload.own, workload.own)
    while size > 1:
        size = math.ceil(size / 2)
        yield replace(setting, micro_batch=size), [*parameters, f"optimisation.micro_batch_size: {size}"]
