"""`python -m benchmarks.gpu_check`: what only a GPU can tell, in eight minutes at most.

It needs torch, transformers, pandas, scipy and PyYAML, for one part pydantic, and none of the workflow's tools.
results/gpu-check.{json,md} are written after each part, so it may be stopped at any time; no part is begun after six minutes.
A part that fails says so, the next one begins, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import retrieval
from benchmarks.gpu_page import page
from benchmarks.inputs import GPU, QUICK, SMALL, TINY, Sizes, model_of, tokenizer_of
from benchmarks.measuring import Machine, Results, alternate, facts, machine_of, rates, share
from benchmarks.operations import counted
from benchmarks.training import COUNTED, PUBLISHED, ROBUST, changed, our_losses, problem_of, steps_of
from cada.doctor.machine import matrix_rate
from cada.errors import CadaError
from cada.model.tokenizer import Tokenizer
from cada.runtime.compute import autocast, resolve_device
from cada.storage.files import write_json, write_text
from cada.training.loop import fit

if TYPE_CHECKING:
    from cada.config import Architecture, Switches
    from cada.config.steps import Precision, Training

NAME, MINUTES = "gpu-check", 6.0  # the last part may take two more
CPU = torch.device("cpu")
# largest difference of a loss from the CPU's as a share of it, and the smallest cosine of the two gradients
AGREE: dict[Precision, tuple[float, float]] = {"fp32": (1e-4, 0.99999), "tf32": (0.02, 0.995), "bf16": (0.05, 0.98)}
CASES = {
    "robust": ROBUST,
    "published": PUBLISHED,
    "robust, three groups": changed(ROBUST, group_count=3),
    "robust, means of processes": changed(ROBUST, ara_mean="process"),
}
VECTORS = Path(__file__).parents[1] / "tests" / "fixtures" / "parity"
PARITY: dict[Precision, float] = {"tf32": 0.05, "bf16": 0.2}  # of what the published code computed; in fp32 `cada parity`'s own tolerances
RESUMED_AGREE = 1e-3  # of a weight: the backward passes of indexing add with atomics, in another order each time
FALLS = 0.9  # of its first loss a training of a few steps on one batch has to be below


@dataclass(frozen=True)
class Checked:
    """How much is checked: sizes of the benchmarks, of what is compared with the CPU, batches that are timed, and steps of a training."""

    sizes: Sizes
    compared: Architecture
    batches: tuple[int, ...]
    steps: int


FULL = Checked(GPU, SMALL, (24, 48, 120), steps=30)
FEW = Checked(replace(QUICK, rounds=1), TINY, (4,), steps=6)
Part = Callable[[Checked, Tokenizer, Machine], Results]


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 where a part failed or there is no such device."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_check", description="Check and measure a GPU.")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, in seconds: does everything run?")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="after which no part is begun (default: %(default)g)")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the folder that is written to")
    chosen = parser.parse_args(arguments)
    start, checked = time.monotonic(), FEW if chosen.quick else FULL
    try:
        machine = machine_of(resolve_device(chosen.device), threads=torch.get_num_threads(), seconds=0.1 if chosen.quick else 1.0)
    except CadaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    found = facts(machine) | {"quick": chosen.quick, "minutes": chosen.minutes, "failed": {}, "left_out": []}
    tokenizer = tokenizer_of(checked.sizes.words)
    for name, part in PARTS.items():
        passed = time.monotonic() - start
        print(f"{passed:5.0f} s: {name}", file=sys.stderr)
        if passed > 60 * chosen.minutes:
            found["left_out"].append(name)
        else:
            try:
                found |= part(checked, tokenizer, machine)
            except (CadaError, ArithmeticError, RuntimeError) as error:  # torch's are RuntimeErrors; the other parts are worth having
                found["failed"][name] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        found["seconds"] = time.monotonic() - start
        write_json(chosen.results / f"{NAME}.json", found)
        write_text(chosen.results / f"{NAME}.md", page(found))
    print(page(found), end="")
    return 1 if found["failed"] else 0


def products(machine: Machine) -> Results:
    """How fast matrices are multiplied in each precision."""
    kinds: tuple[Precision, ...] = ("fp32", "tf32", "bf16")
    return {f"products_{kind}_gflop_per_s": matrix_rate(machine.device, kind, seconds=0.5) / 1e9 for kind in kinds}


def agreement(checked: Checked, tokenizer: Tokenizer, machine: Machine) -> Results:
    """Losses and gradients of a step without dropout on the device, in each precision, against the CPU's in fp32."""
    sizes = replace(checked.sizes, training=checked.compared, batch=8)
    found: Results = {}
    for case, switches in CASES.items():
        on_cpu = _step(sizes, tokenizer, CPU, switches, "fp32")
        for precision in AGREE:
            here = _step(sizes, tokenizer, machine.device, switches, precision)
            found[f"agree_{case}_{precision}"] = _agreed(case, precision, here, on_cpu)
    return found


Step = tuple[dict[str, float], Tensor]  # losses, and the gradient as one vector on the CPU


def _agreed(case: str, precision: Precision, here: Step, on_cpu: Step) -> dict[str, float]:
    """How far the losses are from the CPU's, as a share of them, and the cosine of the gradients. Errors: `CadaError` for too far."""
    most, least = AGREE[precision]
    difference = max(abs(here[0][name] - value) / max(1.0, abs(value)) for name, value in on_cpu[0].items())
    cosine = float(F.cosine_similarity(here[1], on_cpu[1], dim=0))
    if not (difference <= most and cosine >= least):
        raise CadaError(f"{case} in {precision}: a loss differs by {difference:.1e} of it, the gradients' cosine is {cosine:.6f}")
    return {"loss": difference, "gradient": cosine}


def _step(
    sizes: Sizes, tokenizer: Tokenizer, device: torch.device, switches: Switches, precision: Precision, *, compiled: bool = False
) -> Step:
    """A step without dropout."""
    model = model_of(sizes.training, tokenizer, device=device)
    if compiled:
        model.compile_layers()
    torch.manual_seed(1)
    values = our_losses(model, problem_of(sizes, tokenizer, device, tagging=False), switches=switches, precision=precision)
    values["loss"].backward()
    gradients = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    return {name: float(value.detach()) for name, value in values.items()}, torch.cat(gradients).cpu().double()


def parity(_checked: Checked, _tokenizer: Tokenizer, machine: Machine) -> Results:
    """The largest difference from what the published code computed, in each precision."""
    try:
        from cada.doctor.parity import compare, compare_losses, compare_outputs, load_vectors
    except ModuleNotFoundError as missing:
        return {"parity_left_out": f"{missing.name} is not installed"}
    rows = compare(VECTORS, device=machine.device)
    wrong = [f"{row.name} in fp32" for row in rows if not row.passes]
    found: Results = {"parity_fp32": max(row.difference for row in rows)}
    vectors = load_vectors(VECTORS, device=machine.device)
    for precision, most in PARITY.items():
        with autocast(machine.device, precision):
            rows = [*compare_outputs(vectors), *compare_losses(vectors)]
        found[f"parity_{precision}"] = max(row.difference for row in rows)
        wrong += [f"{row.name} in {precision}" for row in rows if not row.difference <= most]
    if wrong:
        raise CadaError(f"over tolerance: {', '.join(wrong)}")
    return found


def reranking(checked: Checked, tokenizer: Tokenizer, machine: Machine) -> Results:
    """Pairs per second beside the published loop."""
    return retrieval.reranking(model_of(checked.sizes.retrieval, tokenizer, device=machine.device), tokenizer, checked.sizes, machine)


def speed(checked: Checked, tokenizer: Tokenizer, machine: Machine) -> Results:
    """Samples per second of each way to make a step, its share of the peak, memory, and waits.

    The published step, without its tagger, is made at the first batch only.
    """
    model = model_of(checked.sizes.training, tokenizer, device=machine.device).train()

    def steps_at(batch: int) -> dict[str, Callable[[], dict[str, Tensor]]]:
        return steps_of(
            model, problem_of(replace(checked.sizes, batch=batch), tokenizer, machine.device, tagging=False), tokenizer, ("fp32", "bf16")
        )

    flops = {way: counted(step) / COUNTED for way, step in steps_at(COUNTED).items()}
    found: Results = {"step_counted_at": COUNTED}
    for batch in checked.batches:
        for way, step in steps_at(batch).items():
            if way == "naive" and batch != checked.batches[0]:
                continue
            found |= _timed(f"step_{batch}_{way}", step, batch, flops[way], checked, machine)
    return found


def _timed(name: str, step: Callable[[], dict[str, Tensor]], batch: int, flops: float, checked: Checked, machine: Machine) -> Results:
    """Samples per second, waits, memory and share of the peak of a step that does `flops` for a sample."""
    precision: Precision = "bf16" if name.endswith("bf16") and machine.bf16 else "fp32"
    begun = time.monotonic()
    try:
        step()
        found: Results = {f"{name}_first_s": time.monotonic() - begun, f"{name}_waits": waits(step, machine.device)}
        timing = alternate({name: step}, rounds=checked.sizes.rounds, device=machine.device)[name]
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return {f"{name}_out_of_memory": True}
    return found | rates(name, "samples", batch, timing) | share(name, flops * batch, timing.median(), machine.peak(precision))


def compiled(checked: Checked, tokenizer: Tokenizer, machine: Machine) -> Results:
    """A step in bf16 whose layers torch has compiled: against the CPU's, and its speed; the first one compiles.

    At the first batch only, the smallest, where starting kernels takes the largest part of a step.
    """
    sizes = replace(checked.sizes, training=checked.compared, batch=8)
    on_cpu = _step(sizes, tokenizer, CPU, ROBUST, "fp32")
    here = _step(sizes, tokenizer, machine.device, ROBUST, "bf16", compiled=True)
    found: Results = {"agree_compiled_bf16": _agreed("compiled", "bf16", here, on_cpu)}
    model, batch = model_of(checked.sizes.training, tokenizer, device=machine.device).train(), checked.batches[0]

    def step_at(size: int) -> Callable[[], dict[str, Tensor]]:
        problem = problem_of(replace(checked.sizes, batch=size), tokenizer, machine.device, tagging=False)
        return steps_of(model, problem, tokenizer, ("fp32", "bf16"))["robust_bf16"]

    flops = counted(step_at(COUNTED)) / COUNTED
    model.compile_layers()
    return found | _timed(f"step_{batch}_compiled_bf16", step_at(batch), batch, flops, checked, machine)


def waits(step: Callable[[], object], device: torch.device) -> int | None:
    """How often the host waits in a step, as torch warns of it; None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def learning(checked: Checked, tokenizer: Tokenizer, machine: Machine) -> Results:
    """A few steps on one batch in fp32 and bf16: both losses fall."""
    found: Results = {}
    for way in ("robust", "robust_bf16"):
        model = model_of(checked.sizes.training, tokenizer, device=machine.device).train()
        problem = problem_of(checked.sizes, tokenizer, machine.device, tagging=False)
        step = steps_of(model, problem, tokenizer, ("fp32", "bf16"))[way]
        losses = torch.stack([step()["loss"].detach() for _ in range(checked.steps)]).tolist()
        found[f"learning_{way}_losses"] = losses
        if not (all(map(math.isfinite, losses)) and losses[-1] < FALLS * losses[0]):
            raise CadaError(f"{way}: the loss goes from {losses[0]:.3f} to {losses[-1]:.3f} in {len(losses)} steps")
    return found


def resuming(checked: Checked, tokenizer: Tokenizer, machine: Machine) -> Results:
    """A training that is stopped between two rows and goes on from its state, beside an unbroken one."""
    with tempfile.TemporaryDirectory() as folder:
        unbroken = _trained(checked, tokenizer, machine, state=Path(folder, "unbroken.pt"))
        with suppress(Stopped):
            _trained(checked, tokenizer, machine, state=Path(folder, "stopped.pt"), stop=4)
        resumed = _trained(checked, tokenizer, machine, state=Path(folder, "stopped.pt"))
    difference = max(float((unbroken[name] - weight).abs().max()) for name, weight in resumed.items())
    if not difference <= RESUMED_AGREE:
        raise CadaError(f"a resumed training ends with weights that differ by {difference:.1e}, and may by {RESUMED_AGREE:.0e}")
    return {"resumed_largest_difference": difference}


class Stopped(Exception):
    """What ends a training here, as a signal would."""


def _trained(checked: Checked, tokenizer: Tokenizer, machine: Machine, *, state: Path, stop: int | None = None) -> dict[str, Tensor]:
    """The weights after eight steps on one batch, dropout included; `stop` is the step that does not come to its end."""
    sizes = replace(checked.sizes, training=checked.compared, batch=8)
    model = model_of(sizes.training, tokenizer, device=machine.device)
    problem = problem_of(sizes, tokenizer, machine.device, tagging=False)

    def losses_of(step: int) -> dict[str, Tensor]:
        if step == stop:
            raise Stopped
        return our_losses(model, problem, switches=ROBUST)

    optimisation = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-4, "warmup_steps": 2, "weight_decay": 0.05, "betas": (0.9, 0.98)}
    settings = SimpleNamespace(optimisation=SimpleNamespace(**optimisation, clip_norm=1.0, schedule="step"), log_every=8, save_seconds=0.0)
    return fit(model, lambda step: step, losses_of, settings=cast("Training", settings), samples=64, seed=0, state=state).best_weights


PARTS: dict[str, Part] = {
    "products of matrices": lambda _checked, _tokenizer, machine: products(machine),
    "numbers of the published code": parity,
    "losses and gradients against the CPU": agreement,
    "training, a step": speed,
    "re-ranking": reranking,
    "a short training": learning,
    "stopped and resumed": resuming,
    "training, compiled": compiled,
}


if __name__ == "__main__":
    sys.exit(main())
