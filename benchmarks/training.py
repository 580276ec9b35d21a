"""One step of training, from a batch in memory to changed weights, beside the published step.

Legend: B batch, L tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
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
COUNTED = 4  # samples of a step whose operations are counted, with attention written to memory: so many always fit a GPU
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
    """Samples per second of the published step, of ours under both procedures, and in bf16 where that is faster.

    On a GPU at the batch of `sizes`, or at a half of it, a quarter, ... that all of them have memory for; and ours in bf16 at the most that
    fit, in doublings of that.
    """
    model = model_of(sizes.training, tokenizer, device=machine.device)
    found: Results = {"training_largest_difference": check(model, problem_of(sizes, tokenizer, machine.device), tokenizer)}
    model.train()

    def steps_at(batch: int) -> dict[str, Callable[[], object]]:
        return dict(steps_of(model, problem_of(replace(sizes, batch=batch), tokenizer, machine.device), tokenizer, machine.precisions))

    def fits(batch: int, ways: Collection[str] = ()) -> bool:
        """Whether the steps, or those of some `ways`, do not run out of the GPU's memory."""
        try:
            for way, step in steps_at(batch).items():
                if not ways or way in ways:
                    step()
        except torch.OutOfMemoryError:
            model.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            return False
        return True

    on_gpu = machine.device.type == "cuda"
    batch = batch_that_fits(fits, sizes.batch) if on_gpu else sizes.batch
    counted_at = min(COUNTED, batch) if on_gpu else batch
    flops = {way: counted(step) * batch / counted_at for way, step in steps_at(counted_at).items()}
    problem = problem_of(replace(sizes, batch=batch), tokenizer, machine.device)
    found |= {
        "training_batch": batch,
        "training_layers": sizes.training.text.depth,
        "training_tagging_in_naive_step": problem.tagged,
        "training_robust_tokens": int(problem.captions.lengths[problem.rows(pooled=True)].max()),
    }
    for way, timing in alternate(steps_at(batch), rounds=sizes.rounds, device=machine.device).items():
        found |= rates(f"training_{way}", "samples", batch, timing)
        found |= share(f"training_{way}", flops[way], timing.median(), machine.peak("bf16" if way == "robust_bf16" else "fp32"))
    if on_gpu and machine.bf16:
        most = largest_batch(lambda size: fits(size, ("robust_bf16",)), batch)
        timing = alternate({"fits": steps_at(most)["robust_bf16"]}, rounds=sizes.rounds, device=machine.device)["fits"]
        found |= {"training_fits_batch": most} | rates("training_fits", "samples", most, timing)
        found |= share("training_fits", flops["robust_bf16"] * most / batch, timing.median(), machine.peak("bf16"))
    for key, way in (("training_ratio", "robust"), ("training_ratio_published", "published"), ("training_ratio_bf16", "robust_bf16")):
        found |= ratio(key, f"training_{way}_samples", "training_naive_samples", found)
    return found


def batch_that_fits(fits: Callable[[int], bool], first: int) -> int:
    """`first`, or a half of it, a quarter, ...: the first that fits. Errors: `CadaError` where two samples do not."""
    batch = first
    while not fits(batch):
        if batch < 4:
            raise CadaError(f"training: the GPU has no memory for a step of {batch} samples.")
        batch //= 2
    return batch


def largest_batch(fits: Callable[[int], bool], first: int) -> int:
    """The last of `first`, twice that, four times that, ... that fits."""
    batch = first
    while fits(2 * batch):
        batch *= 2
    return batch


@torch.no_grad()
def check(model: Cada, problem: Problem, tokenizer: Tokenizer) -> float:
    """The largest difference of the losses without dropout under the published procedure, every attribute word masked."""
    plain = naive_losses(model.eval(), problem, tokenizer, rate=1.0)
    ours = our_losses(model, problem, switches=changed(PUBLISHED, ara_rate=1.0))
    difference = float(torch.stack([(value - ours[name]).abs() for name, value in plain.items()]).max())
    if not difference <= LOSSES_AGREE:
        raise CadaError(f"training: losses differ by {difference:.1e} from the published step's, and may by {LOSSES_AGREE:.0e}.")
    return difference
