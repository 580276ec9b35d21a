"""One sentence against the images that the cosine has found: what someone waits for.

Beside the engine stands the same engine held to one form of cross-attention: by keys and values of all image tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.inputs import Sizes, captions_of, model_of, tokens_of
from benchmarks.measuring import Machine, Results, alternate
from benchmarks.operations import reranking_flops
from cada.config import Architecture, Model, load
from cada.config.steps import Precision
from cada.model.tokenizer import Tokenizer
from cada.retrieval import packed
from cada.retrieval.reranking import Captions, match_logits

TOKENS, IMAGES = 12, 32
DEFAULT = Path("params/synthpedes/model.yaml")


def queries(tokenizer: Tokenizer, sizes: Sizes, machine: Machine) -> Results:
    """The model of the tables on re-ranking, and the default one."""
    architectures = {"large": sizes.retrieval, "default": load(DEFAULT, Model).architecture}
    found: Results = {"query_tokens": TOKENS, "query_images": IMAGES}
    for name, architecture in architectures.items():
        found |= query(f"query_{name}", architecture, tokenizer, rounds=3 * sizes.rounds, machine=machine)
    return found


def query(name: str, architecture: Architecture, tokenizer: Tokenizer, *, rounds: int, machine: Machine) -> Results:
    """Milliseconds both ways in each precision, and the operations."""
    model = model_of(architecture, tokenizer, device=machine.device)
    captions = tokenizer(captions_of(np.array([TOKENS]), tokenizer))
    captions.ids[:, 0] = tokenizer.enc
    tokens = tokens_of(architecture, IMAGES).to(machine.device)
    stored = {"fp32": tokens, "bf16": tokens.to(torch.bfloat16)}  # as a gallery holds them

    def here(precision: Precision) -> None:
        match_logits(
            model.text_encoder.bert,
            model.match_head,
            captions=Captions(captions.ids, captions.lengths),
            candidates=np.arange(IMAGES)[None],
            image_tokens=[(0, stored[precision])],
            precision=precision,
        )

    def keys(precision: Precision) -> None:
        with by_keys():
            here(precision)

    ways: dict[str, Callable[[], object]] = {}
    for precision in machine.precisions:
        ways |= {f"keys_{precision}": partial(keys, precision), precision: partial(here, precision)}
    alternate(ways, rounds=1, device=machine.device)  # weights come into the caches
    flops = partial(reranking_flops, architecture, lengths=captions.lengths, images=IMAGES, top_k=IMAGES)
    with by_keys():
        held = flops()
    found: Results = {f"{name}_keys_gflop": held / 1e9, f"{name}_gflop": flops() / 1e9}
    found |= {f"{name}_layers": architecture.text.depth, f"{name}_width": architecture.text.width}
    for way, timing in alternate(ways, rounds=rounds, device=machine.device).items():
        low, middle, high = 1000 * np.percentile(timing.wall, [25, 50, 75])
        found |= {f"{name}_{way}_ms_q1": float(low), f"{name}_{way}_ms": float(middle), f"{name}_{way}_ms_q3": float(high)}
        found[f"{name}_{way}_cpu_ms"] = 1000 * float(np.median(timing.cpu))
    for precision in machine.precisions:
        found[f"{name}_{precision}_ratio"] = found[f"{name}_keys_{precision}_ms"] / found[f"{name}_{precision}_ms"]
        found[f"{name}_{precision}_ratio_cpu"] = found[f"{name}_keys_{precision}_cpu_ms"] / found[f"{name}_{precision}_cpu_ms"]
    return found


@contextmanager
def by_keys() -> Iterator[None]:
    """Within it, keys and values of the image tokens count as the cheaper form, whatever the other one would cost."""
    count = packed.reading_flops
    with patch.object(packed, "reading_flops", lambda *shapes, **sizes: (count(*shapes, **sizes)[0], math.inf)):
        yield
