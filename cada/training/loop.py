"""The training loop: AdamW, a schedule, a history, the best weights, and a state that survives being killed."""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from cada.errors import ArgumentError, CadaError, about
from cada.model.cada import Cada
from cada.model.checkpoint import DAMAGED
from cada.model.folder import set_weights, weights_of
from cada.runtime import compute, distributed
from cada.runtime.memory import release_free_memory
from cada.storage.files import atomic, writing
from cada.training.sampling import steps_per_epoch
from cada.training.seeds import seed_everything

if TYPE_CHECKING:
    from cada.config import Training

Batch = TypeVar("Batch")
RELEASE_STEPS = 25  # the steps after a release take their pages anew: seldom enough to cost little


@dataclass
class Progress:
    """All that a resumed run needs besides weights and optimiser: draws depend on (seed, step) alone."""

    step: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, Tensor] = field(default_factory=dict)  # of the losses since the last row, in float64 on the device
    summed: int = 0
    best_score: float = -math.inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Count a step, of whose values each process gives its share."""
        shares = distributed.total(torch.stack([value.detach().float() for value in values.values()]))
        for name, value in zip(values, shares.double(), strict=True):
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.step += 1
        self.summed += 1

    def means(self) -> dict[str, float]:
        """The mean of each loss over the steps since the last row, read from the device at once.

        Errors: `FloatingPointError` for a loss that is no number.
        """
        found = {name: total / self.summed for name, total in zip(self.sums, torch.stack([*self.sums.values()]).tolist(), strict=True)}
        if not math.isfinite(found["loss"]):
            raise FloatingPointError(f"step {self.step}: the loss is {found['loss']}")
        return found

    def row(self, rate: float, epoch_steps: int) -> dict[str, float]:
        """A line of the history: losses are means over the steps since the last line."""
        means = self.means()
        self.sums, self.summed = {}, 0
        return {"epoch": round(self.step / epoch_steps, 4), "step": self.step, "lr": rate, **means}


@dataclass(frozen=True)
class Validation:
    """The score that chooses the checkpoint, and the values of the history row."""

    score: float
    values: Mapping[str, float]


def learning_rate(step: int, *, steps: int, peak: float, warmup: int, epoch_steps: int | None = None) -> float:
    """Linear from 0 to `peak` over `warmup` steps, then a cosine to 0 at `steps`; with `epoch_steps` it changes with the epoch only."""
    if step < warmup:
        return peak * (step + 1) / warmup
    if epoch_steps:
        step -= step % epoch_steps
    return peak * 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / max(1, steps - warmup)))


def fit(
    model: Cada,
    batch_at: Callable[[int], Batch],
    losses_of: Callable[[Batch], dict[str, Tensor]],
    *,
    settings: Training,
    samples: int,
    seed: int,
    state: Path,
    validate: Callable[[], Validation] | None = None,
    report: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> Progress:
    """Train `model` in place on `samples` samples an epoch and return its history and best weights.

    `losses_of(batch_at(step))` gives this process's shares of the step's values; the sum of `loss` over processes is
    minimised. The next batch is made while a step runs, and losses are read from the device only where a row of the
    history is written, or a state.
    `validate` is called at the end of every epoch and at the last step and chooses the best weights; without it the
    last weights are the best. `state` is where an interrupted run goes on from; it is deleted by the caller once the
    result is written. Every process ends with the same weights; the first one writes.
    Errors: `FloatingPointError` at a row whose loss is not a number, at an epoch's end and before a state is saved where a weight or a
    loss is none, and where `losses_of` raises it; `ArgumentError` for a batch with fewer samples than processes, or more than there
    are; `CadaError` for a `state` that not all processes see.
    """
    optimisation = settings.optimisation
    if optimisation.batch_size < distributed.size():
        raise ArgumentError("processes", f"a batch of {optimisation.batch_size} is too small for {distributed.size()} processes")
    epoch_steps = steps_per_epoch(samples, optimisation.batch_size)
    steps = round(optimisation.epochs * epoch_steps)
    by_epoch = epoch_steps if optimisation.schedule == "epoch" else None
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, betas=optimisation.betas, weight_decay=optimisation.weight_decay, fused=True)
    progress = _resume(state, model, optimizer) or Progress()
    if distributed.total(torch.tensor(progress.step)) != distributed.size() * progress.step:
        raise CadaError(f"{state}: not all processes see this file. Several machines must share the project's folder.")
    gradients = distributed.GradientSum(parameters, early=compute.few_calls(model.device))
    saved = time.monotonic()
    model.train()
    bar = tqdm(total=steps, initial=progress.step, desc="training", disable=distributed.silent())
    for batch in compute.uploaded(batch_at, range(progress.step, steps), model.device):
        seed_everything(seed, "dropout", progress.step, distributed.rank())
        rate = learning_rate(
            progress.step, steps=steps, peak=optimisation.learning_rate, warmup=optimisation.warmup_steps, epoch_steps=by_epoch
        )
        try:
            values = losses_of(batch)
        except FloatingPointError as error:
            raise FloatingPointError(f"step {progress.step + 1}: the loss is nan, {error}") from error
        values["loss"].backward()
        gradients.finish()
        _descend(optimizer, parameters, rate, clip_norm=optimisation.clip_norm)
        progress.add(values)
        del values
        if progress.step % RELEASE_STEPS == 0:
            release_free_memory()
        bar.update()
        epoch_ends = progress.step % epoch_steps == 0 or progress.step == steps
        if progress.step % settings.log_every == 0 or epoch_ends:
            row = progress.row(rate, epoch_steps)
            if epoch_ends:
                _require_numbers(progress, parameters)
                row |= _validate(model, validate, progress)
                if distributed.is_first():
                    tqdm.write(_line(row, epochs=optimisation.epochs), file=sys.stderr)
            progress.rows.append(row)
            report(progress.step, row)
            bar.set_postfix(loss=f"{row['loss']:.3f}")
        if distributed.is_first() and time.monotonic() - saved >= settings.save_seconds:
            _require_numbers(progress, parameters)  # a state that is none would be where every later run begins
            _save(state, model, optimizer, progress)
            saved = time.monotonic()
    bar.close()
    gradients.close()
    return progress


def _descend(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], rate: float, *, clip_norm: float | None) -> None:
    """A step down the gradient."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _require_numbers(progress: Progress, parameters: Sequence[nn.Parameter]) -> None:
    """`FloatingPointError` where the loss since the last row or a weight is no number."""
    if progress.sums:
        progress.means()
    if not torch.stack([parameter.detach().isfinite().all() for parameter in parameters]).all():  # a loss is that of the weights before
        raise FloatingPointError(f"step {progress.step}: the weights are not finite")


def _line(row: Mapping[str, float], *, epochs: float) -> str:
    """What a log says of an epoch; of test only where it chooses, so that nobody tunes by a log."""
    split = "val" if "val_mAP" in row else "test"
    scores = ", ".join(f"{name} {row[name]:.2f}" for name in (f"{split}_R1", f"{split}_mAP") if name in row)
    return f"epoch {row['epoch']:g} of {epochs:g}: loss {row['loss']:.4f}" + (f", {scores}" if scores else "")


def _validate(model: Cada, validate: Callable[[], Validation] | None, progress: Progress) -> dict[str, float]:
    if validate is None:
        progress.best_weights = weights_of(model)
        return {}
    model.eval()
    release_free_memory()
    with model.as_written():
        outcome = validate()
    model.train()
    if outcome.score > progress.best_score:
        progress.best_score = outcome.score
        progress.best_weights = weights_of(model)
    return dict(outcome.values)


def _save(state: Path, model: Cada, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    with atomic(state) as partial, writing(state, RuntimeError):
        torch.save({"model": weights_of(model), "optimizer": optimizer.state_dict(), "progress": vars(progress)}, partial)


def _resume(state: Path, model: Cada, optimizer: torch.optim.Optimizer) -> Progress | None:
    """Where the interrupted run was; None where there is none, and, with a line, where its file is damaged: nothing else is lost by it."""
    if not state.exists():
        return None
    try:
        saved: dict[str, Any] = torch.load(state, weights_only=True, map_location="cpu")
        saved = {name: saved[name] for name in ("model", "optimizer", "progress")}
    except (*DAMAGED, TypeError) as error:
        if distributed.is_first():
            tqdm.write(f"{state}: not a whole state ({type(error).__name__}). The training begins anew.", file=sys.stderr)
        return None
    with about(state):
        set_weights(model, saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return Progress(**saved["progress"])


def history_csv(rows: list[dict[str, float]]) -> str:
    """The history as CSV with six significant digits; validation columns are empty between epochs."""
    text = io.StringIO()
    pd.DataFrame(rows).to_csv(text, index=False, float_format="%.6g", lineterminator="\n")
    return text.getvalue()
