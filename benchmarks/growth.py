"""How the cost grows with the gallery, with k, with the length of captions and with the batch, at a small size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from benchmarks.inputs import Sizes, caption_lengths, captions_of, images_of, model_of
from benchmarks.measuring import Machine, Results, alternate
from benchmarks.retrieval import evaluation_ways
from benchmarks.training import problem_of, steps_of
from cada.model.cada import Cada
from cada.model.tokenizer import Tokenizer

Ways = dict[str, Callable[[], object]]
QUERIES = 32
FIRST = {"gallery": 32, "k": 4, "tokens": 8, "batch": 4}  # the smallest point of each sweep
ROUNDS = 2


def growth(tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """The sweeps: their points, seconds of both ways, and the exponent of a power law through them."""
    model = model_of(sizes.small, tokenizer, device=machine.device)
    gallery, k = FIRST["gallery"], FIRST["k"]

    def evaluated(count: int, top_k: int, lengths: np.ndarray) -> Ways:
        captions = tokenizer(captions_of(lengths, tokenizer))
        return dict(evaluation_ways(model, images_of(sizes.small, count), captions, tokenizer, top_k=top_k, device=machine.device))

    drawn = caption_lengths(QUERIES)
    sweeps: dict[str, Callable[[int], Ways]] = {
        "gallery": lambda count: evaluated(count, k, drawn),
        "k": lambda top_k: evaluated(gallery, top_k, drawn),
        "tokens": lambda tokens: evaluated(gallery, k, np.full(QUERIES, tokens)),
        "batch": lambda batch: _steps(model, tokenizer, replace(sizes, training=sizes.small, batch=batch), machine),
    }
    found: Results = {}
    for name, ways_at in sweeps.items():
        points = [FIRST[name] * factor for factor in sizes.sweep]
        found |= _sweep(f"growth_{name}", points, ways_at, machine.device)
    return found


def _steps(model: Cada, tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Ways:
    """A step with a batch of its own size: the published one and ours under the robust procedure."""
    steps = steps_of(model.train(), problem_of(sizes, tokenizer, machine.device), tokenizer, ("fp32",))
    return {"naive": steps["naive"], "ours": steps["robust"]}


def _sweep(name: str, points: Sequence[int], ways_at: Callable[[int], Ways], device: torch.device) -> Results:
    """Seconds at every point, after a round that is not counted."""
    seconds: dict[str, list[float]] = {"naive": [], "ours": []}
    for point in points:
        ways = ways_at(point)
        alternate(ways, rounds=1, device=device)
        for way, timing in alternate(ways, rounds=ROUNDS, device=device).items():
            seconds[way].append(min(timing.wall))
    found: Results = {f"{name}_points": [float(point) for point in points]}
    for way, values in seconds.items():
        found[f"{name}_{way}_s"] = values
        found[f"{name}_{way}_exponent"] = float(np.polyfit(np.log(points), np.log(values), 1)[0])
    return found
