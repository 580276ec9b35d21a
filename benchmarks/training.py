"""One step of training, from a batch in memory to changed weights, beside the published step.

Legend: B batch, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import yaml
from torch import Tensor

from benchmarks import naive
from benchmarks.inputs import Sizes, caption_lengths, captions_of, images_of, model_of
from benchmarks.measuring import Machine, Results, alternate, rates, ratio, share
from benchmarks.operations import counted
from cada.datasets.images import normalise
from cada.datasets.loading import token_batch
from cada.errors import CadaError
from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.runtime.compute import autocast
from cada.training.objective import Batch, association_losses, encode_batch
from cada.training.sampling import POOL, Sampler

if TYPE_CHECKING:
    from cada.config import Switches
    from cada.config.steps import Precision

LEARNING_RATE, WEIGHT_DECAY = 1e-5, 0.05
LOSSES_AGREE = 1e-4
PHRASE = 3  # tokens
PROCEDURES = Path(__file__).parents[1] / "params" / "procedures"


def _procedure(name: str) -> dict[str, Any]:
    """A file of the project's own, read without the package that checks what users write: a GPU machine may lack it."""
    values: dict[str, Any] = yaml.safe_load((PROCEDURES / f"{name}.yaml").read_text())
    return values


def changed(switches: Switches, **values: Any) -> Switches:
    """The switches with other values."""
    return cast("Switches", SimpleNamespace(**vars(switches) | values))


WEIGHTS: dict[str, float] = _procedure("published")["weights"]
PUBLISHED, ROBUST = (cast("Switches", SimpleNamespace(**_procedure(name)["switches"])) for name in ("published", "robust"))


@dataclass(frozen=True)
class Problem:
    """What every way trains on: images (B, 3, H, W), normalised, and a pool of captions, whose attribute words were tagged before."""

    images: Tensor
    persons: Tensor  # (B,) on the CPU
    texts: list[str]
    captions: TokenizedCaptions
    words: np.ndarray  # (Q, 73) attribute words
    tagged: bool  # by NLTK, or every third token where NLTK's tagger is not installed

    def rows(self, *, pooled: bool) -> np.ndarray:
        """A batch (B,) of the pool: any, or of captions of like length, the one whose length is nearest to the batches' mean."""
        size = len(self.persons)
        if not pooled:
            return np.arange(size)
        count, lengths = len(self.texts), self.captions.lengths
        sampler = Sampler(count, size, seed=0, lengths=lengths)
        batches = [sampler.rows(step) for step in range(count // size)]
        longest = np.array([lengths[rows].max() for rows in batches])
        return batches[int(np.abs(longest - longest.mean()).argmin())]

    def groups(self, *, phrases: bool) -> np.ndarray:
        """Attribute groups (Q, 73), -1 outside: single words, or runs of three tokens after every third."""
        place = np.arange(naive.PADDED)
        if not phrases:
            return np.where(self.words, place, -1)
        inside = (place >= 1) & (place < self.captions.lengths[:, None] - 1)
        return np.where(inside & (place // PHRASE % 2 == 0), place // PHRASE, -1)


def problem_of(sizes: Sizes, tokenizer: Tokenizer, device: torch.device, *, tagging: bool = True) -> Problem:
    """A batch of images and an epoch's pool of captions, everyone a person of their own; without `tagging` NLTK is not used."""
    texts = captions_of(caption_lengths(POOL * sizes.batch), tokenizer)
    captions = tokenizer(texts)
    images = normalise(images_of(sizes.training, sizes.batch).to(device))
    place = np.arange(naive.PADDED)
    words, tagged = (place < captions.lengths[:, None]) & (place % 3 == 1), False
    if tagging:
        with suppress(CadaError):  # the tagger is not installed
            words, tagged = naive.tagged_words(texts, tokenizer).numpy(), True
    return Problem(images, torch.arange(sizes.batch), texts, captions, words, tagged)


def naive_losses(model: Cada, problem: Problem, tokenizer: Tokenizer, *, rate: float = PUBLISHED.ara_rate) -> dict[str, Tensor]:
    """The published step's losses; tagging is part of it wherever the tagger is installed."""
    rows = problem.rows(pooled=False)
    words = None if problem.tagged else torch.from_numpy(problem.words[rows])
    texts = [problem.texts[row] for row in rows]
    with naive.eager(model):
        return naive.association_losses(
            model, problem.images, texts, problem.persons, tokenizer=tokenizer, weights=WEIGHTS, rate=rate, words=words
        )


def our_losses(model: Cada, problem: Problem, *, switches: Switches, precision: Precision = "fp32") -> dict[str, Tensor]:
    """The same batch through `cada.training.objective`, captions tokenised and tagged before."""
    fixed = switches.padding == "fixed"
    groups = problem.groups(phrases=switches.ara_masking == "phrases")
    rows, device = problem.rows(pooled=not fixed), problem.images.device
    captions = token_batch(problem.captions, rows, padded_to=naive.PADDED if fixed else None, groups=groups).to(device)
    with autocast(device, precision):
        batch = Batch(problem.images, captions, problem.persons)
        encoded = encode_batch(model, batch, generator=torch.Generator().manual_seed(0))
        return association_losses(encoded, weights=WEIGHTS, switches=switches)


def steps_of(
    model: Cada, problem: Problem, tokenizer: Tokenizer, precisions: tuple[Precision, ...]
) -> dict[str, Callable[[], dict[str, Tensor]]]:
    """The ways to make a step: the published one with torch's default AdamW, ours with a fused one that they share."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    default, fused = (torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=kind) for kind in (None, True))

    def step(losses: Callable[[], dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> Callable[[], dict[str, Tensor]]:
        def run() -> dict[str, Tensor]:
            values = losses()
            values["loss"].backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return values

        return run

    def ours(switches: Switches, precision: Precision) -> Callable[[], dict[str, Tensor]]:
        return lambda: our_losses(model, problem, switches=switches, precision=precision)

    ways = {"naive": step(lambda: naive_losses(model, problem, tokenizer), default)}
    ways |= {"published": step(ours(PUBLISHED, "fp32"), fused), "robust": step(ours(ROBUST, "fp32"), fused)}
    if "bf16" in precisions:
        ways["robust_bf16"] = step(ours(ROBUST, "bf16"), fused)
    return ways


def training(tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """Samples per second of the published step, of ours under both procedures, and in bf16 where that is faster."""
    model = model_of(sizes.training, tokenizer, device=machine.device)
    problem = problem_of(sizes, tokenizer, machine.device)
    found: Results = {
        "training_batch": sizes.batch,
        "training_layers": sizes.training.text.depth,
        "training_tagging_in_naive_step": problem.tagged,
        "training_robust_tokens": int(problem.captions.lengths[problem.rows(pooled=True)].max()),
        "training_largest_difference": check(model, problem, tokenizer),
    }
    model.train()
    steps = steps_of(model, problem, tokenizer, machine.precisions)
    flops = {way: counted(run) for way, run in steps.items()}
    for way, timing in alternate(steps, rounds=sizes.rounds, device=machine.device).items():
        found |= rates(f"training_{way}", "samples", sizes.batch, timing)
        found |= share(f"training_{way}", flops[way], timing.median(), machine.peak("bf16" if way == "robust_bf16" else "fp32"))
    if machine.device.type == "cuda" and machine.bf16:
        found |= at_the_batch_that_fits(model, tokenizer, sizes, machine)
    for key, way in (("training_ratio", "robust"), ("training_ratio_published", "published"), ("training_ratio_bf16", "robust_bf16")):
        found |= ratio(key, f"training_{way}_samples", "training_naive_samples", found)
    return found


def at_the_batch_that_fits(model: Cada, tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """The robust step in bf16 with the most samples that the GPU has memory for, in doublings of the batch above."""

    def step_at(batch: int) -> Callable[[], dict[str, Tensor]]:
        problem = problem_of(replace(sizes, batch=batch), tokenizer, machine.device)
        return steps_of(model, problem, tokenizer, ("bf16",))["robust_bf16"]

    batch = largest_batch(step_at, sizes.batch)
    step = step_at(batch)
    flops = counted(step)
    timing = alternate({"fits": step}, rounds=sizes.rounds, device=machine.device)["fits"]
    found = {"training_fits_batch": batch} | rates("training_fits", "samples", batch, timing)
    return found | share("training_fits", flops, timing.median(), machine.peak("bf16"))


def largest_batch(step_at: Callable[[int], Callable[[], object]], first: int) -> int:
    """The last of `first`, twice that, four times that, ... whose step does not run out of the GPU's memory."""
    batch = first
    while True:
        try:
            step_at(2 * batch)()
        except torch.OutOfMemoryError:
            return batch
        batch *= 2


@torch.no_grad()
def check(model: Cada, problem: Problem, tokenizer: Tokenizer) -> float:
    """The largest difference of the losses without dropout under the published procedure, every attribute word masked."""
    plain = naive_losses(model.eval(), problem, tokenizer, rate=1.0)
    ours = our_losses(model, problem, switches=changed(PUBLISHED, ara_rate=1.0))
    difference = float(torch.stack([(value - ours[name]).abs() for name, value in plain.items()]).max())
    if not difference <= LOSSES_AGREE:
        raise CadaError(f"training: losses differ by {difference:.1e} from the published step's, and may by {LOSSES_AGREE:.0e}.")
    return difference
