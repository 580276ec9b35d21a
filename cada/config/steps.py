"""A data set's initial.yaml, train.yaml, evaluate.yaml, probe.yaml and associate.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cada.config.base import Momentum, Parameters, Pinned, Positive, Probability, Rate, Weight, described_as
from cada.config.method import Refinements, Weights

Precision = Literal["fp32", "tf32", "bf16"]


class Optimisation(Parameters):
    """AdamW under a linear warm-up and a cosine to zero.

    `batch_size` is the whole batch, whatever the number of processes. `micro_batch_size` bounds the samples of one
    process whose activations are in memory at a time; the objective stays that of the whole batch.
    `schedule`: the cosine goes by the step, or by the epoch as published.
    """

    epochs: Rate
    batch_size: Annotated[int, Field(gt=1)]
    learning_rate: Rate
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Weight
    betas: tuple[Momentum, Momentum]
    clip_norm: Rate | None
    schedule: Literal["step", "epoch"] = "step"
    micro_batch_size: Positive | None = None


class Augmentation(Parameters):
    """Random changes of training images (method section 4)."""

    flip: Probability
    pad: Annotated[int, Field(ge=0)]
    erase: Probability


class Compute(Parameters):
    """Where and how a step runs; threads are set by the step itself and read by the workflow.

    `threads` are those of one process. `processes`: `auto` is one per visible GPU, and one on a CPU. `precision`: bf16
    is autocast, with weights and losses in fp32; tf32 rounds what a GPU multiplies to 10 bits of the mantissa, and nothing else.
    """

    device: Literal["auto", "cpu", "cuda"]
    threads: Positive
    processes: Annotated[Positive | Literal["auto"], described_as("a number above 0, or auto")] = 1
    precision: Precision = "fp32"


class TrainingCompute(Compute):
    """`checkpointing` recomputes each layer's activations in the backward pass: less memory, about a third more time."""

    checkpointing: bool = False


class Training(Parameters):
    """What every training needs: a row of the history every `log_every` steps, and a state every `save_seconds`.

    A training that is killed loses the work of `save_seconds` at most; weights and AdamW's state are written that often.
    """

    optimisation: Optimisation
    augmentation: Augmentation
    compute: TrainingCompute
    log_every: Positive
    save_seconds: Weight = 60.0


class Pretraining(Training):
    """The stand-in for BLIP's pre-training: contrastive, matching and masked-language losses, and the attribute decoder's.

    `mask_rate` and `decoder_mask_rate` are the shares of words that the last two predict.
    """

    seed: int
    mask_rate: Probability
    decoder_mask_rate: Probability


class Initial(Parameters):
    """params/<dataset>/initial.yaml: where every variant starts.

    `weights` is a folder made by `cada weights import`, with the digest that the command prints.
    """

    source: Literal["pretrain", "file"]
    weights: Pinned | None = None
    pretrain: Pretraining | None = None


class Search(Parameters):
    """How a gallery is searched.

    `batch_size` is that of the encoders; `memory_mb` bounds what search keeps and works on beside it.
    """

    top_k: Positive
    batch_size: Positive
    memory_mb: Annotated[int, Field(ge=2)] = 2048


class Validation(Search):
    """How a model is scored while it trains; evaluate.yaml says how the finished one is."""

    fusion_weights: Annotated[tuple[Weight, ...], Field(min_length=1)]


class TrainSettings(Training):
    """How a training runs, whatever the variant.

    `watch_test` scores test at the end of every epoch too, for the history alone: what a checkpoint chosen on test would
    have. It is the number of test persons whose captions are queries, `all` or `none`.
    """

    validation: Validation
    watch_test: Annotated[Positive | Literal["all", "none"], described_as("a number above 0, all or none")] = "none"


class Train(TrainSettings, Refinements):
    """params/<dataset>/train.yaml. `switches` and `weights` (of the losses) refine the robust procedure for this data set."""

    @field_validator("weights")
    @classmethod
    def _none_left_out(cls, weights: Weights) -> Weights:
        if left_out := [name for name, weight in weights.items() if weight == 0]:
            raise ValueError(f"{', '.join(left_out)} is 0, but it is a variant that leaves an objective out")
        return weights


class Evaluate(Validation):
    """params/<dataset>/evaluate.yaml."""

    bootstrap: Positive
    compute: Compute


class TextProbes(Parameters):
    """How strongly captions are changed: shares of what can be changed; at least one word or phrase is."""

    typing_errors: Probability
    synonyms: Probability
    dropped_phrases: Probability


class ImageProbes(Parameters):
    """How strongly images are changed.

    `blur`: a Gaussian's standard deviation, in shares of the image's height. `darkness`: what is left of the brightness.
    `occlusion`: the covered share of the area. `low_resolution`: by how much height and width shrink before they grow again.
    """

    blur: Rate
    darkness: Probability
    occlusion: Probability
    low_resolution: Annotated[float, Field(gt=1)]


class Examined(Parameters):
    """`persons` of the test persons, without it all: groups of `consecutive` ids, evenly spaced in the order of ids.

    On a drawn set a group of three is a family of look-alikes.
    """

    seed: int
    persons: Positive | None = None
    consecutive: Positive = 1

    @model_validator(mode="after")
    def _whole_groups(self) -> Examined:
        if self.persons is not None and self.persons % self.consecutive:
            raise ValueError(f"persons is {self.persons}, no multiple of consecutive: {self.consecutive}")
        return self


class Probe(Examined):
    """params/<dataset>/probe.yaml: the captions and images of these persons are searched. What else a search needs is in evaluate.yaml.

    `look_alikes`: of how many test persons of a drawn set one image is compared with look-alikes of its own; without it of all.
    """

    look_alikes: Positive | None = None
    text: TextProbes
    image: ImageProbes


class Associate(Examined):
    """params/<dataset>/associate.yaml: the first captions of so many `images` of these persons are associated with their images.

    `attribution`: of those of `cada.analysis.association.attributions`, whose maps the two directions are compared by.
    """

    images: Positive
    attribution: Annotated[str, Field(pattern=r"^(attention_[1-9][0-9]*|gradient|removal)$")]
