"""What the steps that train and score share: parameters to the arguments of functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import cada
from cada import config, distributed, tracking
from cada.cache import Cache
from cada.config.steps import Precision
from cada.data.cache import open_images
from cada.data.holdout import with_val
from cada.data.loading import Split
from cada.data.prepare import load_records
from cada.data.records import Record
from cada.files import digest, exclusive
from cada.model.folder import CONFIG, WEIGHTS
from cada.model.tokenizer import Tokenizer
from cada.paths import CACHE, STATE, Cell, Layout
from cada.retrieval.evaluation import Engine
from cada.retrieval.feature_cache import FeatureCache
from cada.tracking import Run, Step


def training_parameters(dataset: str, variant: str) -> tuple[dict[str, Any], str]:
    """The parameters that make a trained model, as MLflow shows them, and their hash, by which its run is found."""
    parameters, chosen = config.load_dataset(dataset), config.load_variant(variant)
    switches = config.resolve_switches(chosen, parameters.train.switches)
    weights = config.resolve_weights(chosen, parameters.train.weights)
    return described(weights, switches, parameters.train, parameters.model, parameters.data)


def described(*parts: config.Parameters) -> tuple[dict[str, Any], str]:
    """Parameters as MLflow shows them, and their hash."""
    values = {type(part).__name__.lower(): part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in parts}
    return values, config.params_hash(*parts)


def tracked(cell: Cell, step: Step, description: tuple[dict[str, Any], str], *, device: torch.device) -> AbstractContextManager[Run]:
    """MLflow's run of the cell, which the first process tells it about."""
    if not distributed.is_first():
        return nullcontext(Run())
    parameters, params_hash = description
    said = tracking.Description(parameters, params_hash, digest(Layout(cell.dataset).manifest), {"device": str(device)})
    return tracking.run(cell, step, said)


def engine_of(
    variant: config.Variant,
    settings: config.Validation,
    tokenizer: Tokenizer,
    device: torch.device,
    precision: Precision,
) -> Engine:
    """How the variant's models are searched: without a trained match head they stop at the cosine."""
    return Engine(
        enc=tokenizer.enc,
        top_k=settings.top_k if variant.reranks else None,
        batch_size=settings.batch_size,
        device=device,
        precision=precision,
        memory_mb=settings.memory_mb,
    )


@contextmanager
def resumable(cell: Cell, params_hash: str, inputs: Sequence[Path]) -> Iterator[Path]:
    """Hold the cell alone and yield the file an interrupted run of it goes on from; it is deleted on success.

    The name changes with parameters, inputs and code, so that a run never goes on from another's state; an orphan of a
    killed workflow keeps the lock, and its successor says so instead of writing too. Of several processes the first
    holds the lock and writes.
    """
    key = _key(params_hash, *map(digest, inputs))
    folder = STATE / "resume" / cell.dataset / cell.variant / str(cell.seed)
    state = folder / f"{key}.pt"
    with exclusive(folder / "lock", str(cell)) if distributed.is_first() else nullcontext():
        if distributed.is_first():
            for other in set(folder.iterdir()) - {state, folder / "lock"}:  # of other parameters, or half written
                other.unlink()
        distributed.wait_for_all()
        yield state
        distributed.wait_for_all()
        if distributed.is_first():
            state.unlink(missing_ok=True)


def open_pictures(dataset: str, split: Split, size: tuple[int, int], *, threads: int) -> Tensor:
    """The split's pictures as uint8 (N, 3, H, W), decoded once for all steps."""
    return open_images(split, size, content=digest(Layout(dataset).manifest), cache=Cache.at(CACHE), threads=threads)


def feature_cache(model: Path, engine: Engine) -> FeatureCache:
    """Features of the finished model in the folder `model`; whatever else changes their bits is part of the name."""
    processor = torch.cuda.get_device_name(engine.device) if engine.device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    how = [processor, engine.precision, engine.batch_size, torch.get_num_threads(), torch.__version__, version("transformers")]
    return FeatureCache(Cache.at(CACHE), _key(*map(str, how), *(digest(model / name) for name in (CONFIG, WEIGHTS))))


def _key(*parts: str) -> str:
    """A name that changes with the parts and with the code."""
    code = sorted(Path(cada.__file__).parent.rglob("*.py"))
    return hashlib.sha256("\n".join([*parts, *map(digest, code)]).encode()).hexdigest()[:16]


def records_with_val(dataset: str, data: config.Data, switches: config.Switches) -> list[Record]:
    """The records of a prepared set; one that has no val split gets it by the rule of `switches.absent_val`."""
    records = load_records(dataset, data, manifest=Layout(dataset).manifest)
    return with_val(records, how=switches.absent_val, persons=data.held_out_persons, where=Layout(dataset).params("data"))
