"""The transfer step: one trained model on the test split of another data set."""

from __future__ import annotations

import sys
from functools import partial

import torch

from cada.datasets.loading import take_split
from cada.datasets.prepared import load_records
from cada.errors import CadaError
from cada.model.folder import load_model
from cada.recipes import Recipe, take
from cada.recipes.models import TransferRecipe
from cada.reporting.results.metrics import read_metrics
from cada.retrieval.results import Scoring, score_model
from cada.retrieval.search import Search, Target
from cada.runtime import compute, distributed
from cada.steps.common import engine_of, split_images, with_cache
from cada.storage.files import write_json
from cada.storage.paths import Cell, Layout


def transfer_variant(dataset: str, target: str, variant: str, seed: int) -> None:
    """Score a model trained on `dataset` on the test split of `target`, in as many processes as dataset's evaluate.yaml has.

    Of `target` come its test images and captions and the number of its parts. All else is the model's own: its image size, to
    which the images are resized, its vocabulary, by which the captions are cut, its evaluate.yaml, and the weight of the cosine,
    which its own val split chose and its metrics file says. `target`'s test split is read once and chooses nothing.
    """
    if target == dataset:
        raise CadaError(f"--to {target}: the model was trained on this set. Use `cada evaluate {dataset}`, or name another one.")
    recipe = take(Recipe("transfer", dataset, variant, target), TransferRecipe)
    command = ["transfer", dataset, "--to", target, "--variant", variant, "--seed", str(seed)]
    compute.in_processes(recipe.compute, command, partial(transfer_cell, Cell(dataset, variant, seed), target, recipe))


def transfer_cell(cell: Cell, target: str, recipe: TransferRecipe, device: torch.device) -> None:
    """This process's part of the search."""
    dataset, variant, seed = cell.dataset, cell.variant, cell.seed
    layout, searched = Layout(dataset), recipe.target
    own = read_metrics(layout.metrics(variant, seed), dataset, variant, seed)
    records = load_records(target, searched, manifest=Layout(target).manifest)
    split = take_split(records, "test", root=searched.root, queries=recipe.switches.queries)
    folder = layout.model(variant, seed)
    model = load_model(folder).to(device)
    images = split_images(target, split, model.architecture.image_size, threads=recipe.compute.threads)
    engine = with_cache(engine_of(recipe.search, recipe.compute.precision, reranks=recipe.reranks), folder, device)
    scoring = Scoring(own.headline, own.fusion_weight, recipe.gallery_parts, recipe.bootstrap, val=None)  # no split of the target chooses
    metrics, _ = score_model(Search.of(model, Target.of(split, images, model.tokenizer), engine), scoring)
    if not distributed.is_first():
        return
    origin = {
        "dataset": target,
        "trained_on": dataset,
        "variant": variant,
        "seed": seed,
        "procedure": own.procedure,
        "selection": own.selection,
        "val": own.val,
        "split": "test",
    }
    path = layout.transfer(target, variant, seed)
    write_json(path, origin | metrics)
    scores = metrics["scores"][own.headline]
    print(f"{path}: {', '.join(f'{name} {scores[name]:.1f}' for name in ('R1', 'R5', 'R10', 'mAP'))}", file=sys.stderr)
