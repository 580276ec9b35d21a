"""The evaluate step: one trained model on the test split."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from cada.datasets.loading import Split, take_split
from cada.errors import CadaError
from cada.model.folder import load_model
from cada.recipes import Recipe, recorded, take
from cada.recipes.models import EvaluateRecipe
from cada.retrieval.openset import ValSearches
from cada.retrieval.results import Scoring, rankings_table, score_model
from cada.retrieval.search import Search, Target
from cada.runtime import compute, distributed
from cada.steps.common import engine_of, records_with_val, split_images, tracked, with_cache
from cada.storage.files import atomic, write_json
from cada.storage.paths import Cell, Layout
from cada.tracking import named_metrics


def evaluate_variant(dataset: str, variant: str, seed: int) -> None:
    """Score one trained model on the test split, in as many processes as evaluate.yaml asks for."""
    recipe = take(Recipe("evaluate", dataset, variant), EvaluateRecipe)
    command = ["evaluate", dataset, "--variant", variant, "--seed", str(seed)]
    compute.in_processes(recipe.evaluate.compute, command, partial(evaluate_cell, Cell(dataset, variant, seed), recipe))


def evaluate_cell(cell: Cell, recipe: EvaluateRecipe, device: torch.device) -> None:
    """This process's part of the evaluation."""
    dataset, variant, seed = cell.dataset, cell.variant, cell.seed
    layout, settings, switches = Layout(dataset), recipe.evaluate, recipe.switches
    records = records_with_val(dataset, recipe.source, switches, held_out_persons=recipe.held_out_persons)
    folder = layout.model(variant, seed)
    model = load_model(folder).to(device)
    splits = [take_split(records, name, root=recipe.source.root, queries=switches.queries) for name in ("val", "test")]
    for name, split in zip(("val", "test"), splits, strict=True):
        require_several(split, f"{recipe.source.root}: {name}")
    images = [split_images(dataset, split, model.architecture.image_size, threads=settings.compute.threads) for split in splits]
    val, test = (Target.of(split, shown, model.tokenizer) for split, shown in zip(splits, images, strict=True))
    engine = with_cache(engine_of(settings, settings.compute.precision, reranks=recipe.reranks), folder, device)
    # the set's own, train persons held out, or test itself, as the published code has it
    source = "own" if recipe.held_out_persons is None else switches.absent_val
    headline = switches.fusion if recipe.reranks else "cosine"
    # val's rankings, gigabytes for a large set, are gone when test is searched, which is done once
    weight, searched = search_val(Search.of(model, val, engine), headline, settings.fusion_weights if recipe.reranks else None)
    scoring = Scoring(headline, weight, recipe.gallery_parts, settings.bootstrap, val=None if source == "test" else searched)
    metrics, rankings = score_model(Search.of(model, test, engine), scoring)
    if not distributed.is_first():
        return
    metrics = {
        "dataset": dataset,
        "variant": variant,
        "seed": seed,
        "procedure": recipe.procedure,
        "selection": switches.selection,
        "val": source,
        "split": "test",
    } | metrics
    with atomic(layout.rankings(variant, seed)) as partial:
        rankings_table(rankings, splits[1], headline=headline).to_parquet(partial, index=False)
    write_json(layout.metrics(variant, seed), metrics)
    summary = named_metrics(metrics)
    said = ", ".join(f"{name} {summary[f'test_{name}']:.1f}" for name in ("R1", "R5", "R10", "mAP"))
    print(f"{layout.metrics(variant, seed)}: {said}", file=sys.stderr)
    said_of_it = {"evaluate": recorded(Recipe("evaluate", dataset, variant))["values"]["evaluate"]}
    with tracked(cell, "evaluate", Recipe("train", dataset, variant), said_of_it, device=device) as run:
        run.summary(summary)
        run.artifact(layout.metrics(variant, seed))


def require_several(split: Split, where: str) -> None:
    """`CadaError` for a split of one person: nobody could be taken for another, and no search be for somebody who is not there."""
    if len(np.unique(split.image_persons)) < 2:
        raise CadaError(f"{where} has one person, so nobody could be taken for another. Add persons, or hold out more of them.")


def search_val(search: Search, headline: str, weights: Sequence[float] | None) -> tuple[float | None, ValSearches]:
    """The weight of the cosine that val chooses, where there are `weights`, and what its first hits say of persons who are not there."""
    found = search.found()
    weight = found.choose_weight(weights) if weights else None
    return weight, ValSearches.of(search.first_hits(found, headline, weight))
