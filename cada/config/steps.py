"""A data set's initial.yaml, train.yaml, evaluate.yaml, probe.yaml and associate.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cada.config.base import Momentum, Parameters, Pinned, Positive, Probability, Rate, Weight, described_as
from cada.config.method import Refinements, Weights

Precision = Literal["fp32", "tf32", "bf16"]


class Optimisation(Parameters):
    """AdamW under a linear warm-up and a cosine to zero."""

    epochs: Rate  #: [epochs] passes over the training captions; 0.5 is half of them
    batch_size: Annotated[int, Field(gt=1)]  #: [pairs] the whole batch, whatever the number of processes
    learning_rate: Rate  #: the highest, after the warm-up
    warmup_steps: Annotated[int, Field(ge=0)]  #: [steps] the learning rate grows from 0 in them
    weight_decay: Weight  #: of AdamW
    betas: tuple[Momentum, Momentum]  #: of AdamW
    clip_norm: Rate | None  #: gradients of a larger norm are scaled down to it; null: never
    schedule: Literal["step", "epoch"] = "step"  #: the learning rate follows a cosine to 0, step by step, or epoch by epoch as published
    #: [pairs] whose activations one process keeps at a time; the objective stays that of the whole batch
    micro_batch_size: Positive | None = None


class Augmentation(Parameters):
    """Random changes of training images (method section 4)."""

    flip: Probability  #: probability of a mirrored image
    pad: Annotated[int, Field(ge=0)]  #: [pixels] border that is added before a random crop
    erase: Probability  #: probability of a rectangle that is filled with the mean colour


class Compute(Parameters):
    """Where and how a step runs; threads are set by the step itself and read by the workflow."""

    device: Literal["auto", "cpu", "cuda"]  #: `auto` takes a GPU where torch sees one
    threads: Positive  #: of one process
    #: `auto` is one for each visible GPU, and one on a CPU
    processes: Annotated[Positive | Literal["auto"], described_as("a number above 0, or auto")] = 1
    #: `bf16` is autocast, weights and losses stay fp32; `tf32` rounds what a GPU multiplies to 10 bits of the mantissa
    precision: Precision = "fp32"


class TrainingCompute(Compute):
    """Where and how a training runs."""

    checkpointing: bool = False  #: compute each layer's activations again in the backward pass: less memory, about a third more time
    compile: bool = False  #: torch compiles the layers in the first minutes: fewer kernels; needs a C++ compiler


class Training(Parameters):
    """What every training needs."""

    optimisation: Optimisation  #: how the weights are changed
    augmentation: Augmentation  #: random changes of training images
    compute: TrainingCompute  #: where and how it runs
    log_every: Positive  #: [steps] from one row of the history to the next
    save_seconds: Weight = 60.0  #: [s] from one saved state to the next: what a kill loses at most


class Pretraining(Training):
    """The stand-in for BLIP's pre-training: contrastive, matching and masked-language losses, and the attribute decoder's."""

    seed: int  #: of the random weights and of the training
    mask_rate: Probability  #: share of words that the text encoder predicts
    decoder_mask_rate: Probability  #: share of words that the decoder predicts


class Initial(Parameters):
    """params/<dataset>/initial.yaml: where every variant starts."""

    source: Literal["pretrain", "file"]  #: `file`: the folder of `weights`; `pretrain`: a small model, trained on persons of the set's own
    weights: Pinned | None = None  #: a folder made by `cada weights import`, with the digest that it prints
    pretrain: Pretraining | None = None  #: how that small model is trained


class Search(Parameters):
    """How a gallery is searched."""

    top_k: Positive  #: [images] of each query that are re-ranked
    batch_size: Positive  #: [images or captions] that are encoded at a time
    memory_mb: Annotated[int, Field(ge=2)] = 2048  #: [MB] what a search keeps and works on at most, beside the encoders' batch


class Validation(Search):
    """How a model is scored while it trains; evaluate.yaml says how the finished one is."""

    #: weights of the cosine that val chooses from, under `fusion: calibrated`
    fusion_weights: Annotated[tuple[Weight, ...], Field(min_length=1)]


class TrainSettings(Training):
    """How a training runs, whatever the variant."""

    validation: Validation  #: how the checkpoints are scored on val
    #: test persons that are scored after each epoch too, for the history alone: what test would have chosen
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

    bootstrap: Positive  #: samples of persons and seeds that an interval is made from
    compute: Compute  #: where and how it runs


class TextProbes(Parameters):
    """How strongly captions are changed: shares of what can be changed."""

    typing_errors: Probability  #: share of the words with four letters or more
    synonyms: Probability  #: share of the words that have a synonym
    dropped_phrases: Probability  #: share of the attribute phrases


class ImageProbes(Parameters):
    """How strongly images are changed."""

    blur: Rate  #: standard deviation of the Gaussian, as a share of the height
    darkness: Probability  #: share of the brightness that is left
    occlusion: Probability  #: share of the area that is covered
    low_resolution: Annotated[float, Field(gt=1)]  #: by how much height and width shrink before they grow again


class Examined(Parameters):
    """Some of the test persons: groups of consecutive ids, evenly spaced in the order of ids."""

    seed: int  #: of what is drawn at random
    persons: Positive | None = None  #: how many of the test persons; without it all
    consecutive: Positive = 1  #: persons with ids side by side form a group; on a drawn set three are a family of look-alikes

    @model_validator(mode="after")
    def _whole_groups(self) -> Examined:
        if self.persons is not None and self.persons % self.consecutive:
            raise ValueError(f"persons is {self.persons}, no multiple of consecutive: {self.consecutive}")
        return self


class Probe(Examined):
    """params/<dataset>/probe.yaml: the captions and images of these persons are searched. What else a search needs is in evaluate.yaml."""

    #: test persons of a drawn set, one image of each, that are compared with look-alikes; without it all
    look_alikes: Positive | None = None
    text: TextProbes  #: how captions are changed; at least one word or phrase is
    image: ImageProbes  #: how images are changed


class Associate(Examined):
    """params/<dataset>/associate.yaml: captions of these persons are associated with their images."""

    images: Positive  #: [images] of each person, each with its first caption
    #: the map by which the two directions are compared
    attribution: Annotated[str, Field(pattern=r"^(attention_[1-9][0-9]*|gradient|removal)$")]
