"""What the steps that train and score share: recipes to the arguments of functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cada import config, tracking
from cada.config.steps import Precision
from cada.datasets.cache import open_images
from cada.datasets.holdout import with_val
from cada.datasets.loading import Split
from cada.datasets.prepared import load_records
from cada.datasets.records import Record
from cada.errors import ArgumentError, CadaError
from cada.recipes import Recipe, identity
from cada.recipes.code import fingerprint
from cada.retrieval.encoding import Engine
from cada.retrieval.feature_cache import FeatureCache
from cada.runtime import distributed
from cada.storage.cache import Cache
from cada.storage.files import digest
from cada.storage.paths import CACHE, CONFIG, WEIGHTS, Cell, Layout
from cada.tracking import Run, Source

ENCODERS = "cada.retrieval.encoding"  # the code by which features are made


def tracked(cell: Cell, step: Source, recipe: Recipe, values: Mapping[str, Any], *, device: torch.device) -> AbstractContextManager[Run]:
    """MLflow's run of the cell, which the first process tells about it.

    recipe: of the training, by whose values the run is found. values: what the step says of its parameters.
    """
    if not distributed.is_first():
        return nullcontext(Run())
    description = tracking.Description(values, identity(recipe).run, digest(Layout(cell.dataset).manifest), {"device": str(device)})
    return tracking.run(cell, step, description)


@contextmanager
def parameters_named(path: Path, section: str = "") -> Iterator[None]:
    """Says of a training that fails which parameter of the file `path`, in its `section`, is to be changed."""
    batch, rate = f"{section}optimisation.batch_size", f"{section}optimisation.learning_rate"
    advice = {"batch_size": f"Lower {batch}", "persons": f"Raise {batch}", "processes": f"Raise {batch}, or use fewer processes"}
    try:
        yield
    except ArgumentError as error:
        if error.argument not in advice:
            raise
        raise CadaError(f"{path}: {error.wrong}. {advice[error.argument]}.") from error
    except FloatingPointError as error:
        raise CadaError(f"{path}: {error}. Lower {rate}, or set clip_norm or precision: fp32.") from error


def engine_of(settings: config.Search, precision: Precision, *, reranks: bool) -> Engine:
    """How a variant's models are searched: without a trained match head they stop at the cosine."""
    return Engine(
        top_k=settings.top_k if reranks else None,
        batch_size=settings.batch_size,
        precision=precision,
        memory_mb=settings.memory_mb,
    )


def split_images(dataset: str, split: Split, size: tuple[int, int], *, threads: int) -> Tensor:
    """The split's images as uint8 (N, 3, H, W), decoded once for all steps."""
    return open_images(split, size, content=digest(Layout(dataset).manifest), cache=Cache.at(CACHE), threads=threads)


def with_cache(engine: Engine, model: Path, device: torch.device) -> Engine:
    """The engine with features of the finished model in the folder `model`; whatever else changes their bits is part of the name."""
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    how = [processor, engine.precision, engine.batch_size, torch.get_num_threads(), torch.__version__, version("transformers")]
    parts = [*map(str, how), fingerprint(ENCODERS), *(digest(model / name) for name in (CONFIG, WEIGHTS))]
    return replace(engine, cache=FeatureCache(Cache.at(CACHE), hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]))


def records_with_val(dataset: str, source: config.Source, switches: config.Switches, *, held_out_persons: int | None) -> Sequence[Record]:
    """The records of a prepared set; one that has no val split gets it by the rule of `switches.absent_val`."""
    records = load_records(dataset, source, manifest=Layout(dataset).manifest)
    return with_val(records, how=switches.absent_val, persons=held_out_persons, where=Layout(dataset).params("data"))
