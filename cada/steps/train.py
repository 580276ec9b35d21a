"""The train step: one variant with one seed."""

from __future__ import annotations

import sys
from functools import partial

import torch

from cada import config
from cada.datasets.loading import take_queries, take_split
from cada.model.folder import load_model, save_model
from cada.objectives import OBJECTIVES
from cada.phrases.table import PLACES, read_phrases
from cada.recipes import Recipe, identity, recorded, take
from cada.recipes.models import TrainRecipe
from cada.retrieval.search import Target
from cada.runtime import compute, distributed
from cada.steps.common import engine_of, parameters_named, records_with_val, split_images, tracked
from cada.storage.files import write_text
from cada.storage.paths import VOCABULARY, WEIGHTS, Cell, Layout
from cada.training.batches import training_set
from cada.training.captions import attribute_groups
from cada.training.finetune import finetune
from cada.training.layers import set_up_layers
from cada.training.loop import history_csv
from cada.training.states import resumable


def train_variant(dataset: str, variant: str, seed: int) -> None:
    """Fine-tune one variant with one seed from the initial weights, in as many processes as train.yaml has."""
    recipe = take(Recipe("train", dataset, variant), TrainRecipe)
    command = ["train", dataset, "--variant", variant, "--seed", str(seed)]
    work = partial(train_cell, Cell(dataset, variant, seed), recipe)
    compute.in_processes(recipe.train.compute, command, work, batch=recipe.train.optimisation.batch_size)


def train_cell(cell: Cell, recipe: TrainRecipe, device: torch.device) -> None:
    """This process's part of the training."""
    dataset, variant, seed, root = cell.dataset, cell.variant, cell.seed, recipe.source.root
    layout, settings, switches = Layout(dataset), recipe.train, recipe.switches
    records = records_with_val(dataset, recipe.source, switches, held_out_persons=recipe.held_out_persons)
    model = load_model(layout.initial)
    tokenizer, size = model.tokenizer, model.architecture.image_size
    set_up_layers(model, settings.compute)

    def searched(name: str, *, persons: int | None = None) -> Target:
        part = take_queries(take_split(records, name, root=root, queries=switches.queries), persons)
        return Target.of(part, images_of(part), tokenizer)

    images_of = partial(split_images, dataset, size=size, threads=settings.compute.threads)
    split = take_split(records, "train", root=root, queries="first_two")
    training = training_set(split, images_of(split), tokenizer)
    if any(OBJECTIVES[name].phrases for name in recipe.weights):
        phrases = read_phrases(layout.phrases, dataset, columns=PLACES)
        groups = attribute_groups(training.captions, split, masking=switches.ara_masking, phrases=phrases, tokenizer=tokenizer)
        training = training.with_groups(groups)

    watched = None
    if settings.watch_test != "none" and switches.selection != "test":
        watched = searched("test", persons=None if settings.watch_test == "all" else settings.watch_test)
    own = Recipe("train", dataset, variant)
    with (
        parameters_named(layout.params("train")),
        resumable(cell, identity(own), config.load_storage()) as state,
        tracked(cell, "train", own, recorded(own)["values"], device=device) as run,
    ):
        progress = finetune(
            model.to(device),
            training,
            searched(switches.selection),
            watched=watched,
            settings=settings,
            weights=recipe.weights,
            switches=switches,
            engine=engine_of(settings.validation, settings.compute.precision, reranks=recipe.reranks),
            padded_to=tokenizer.max_tokens if switches.padding == "fixed" else None,
            seed=seed,
            state=state,
            report=run.log,
        )
        if distributed.is_first():
            write_text(layout.history(variant, seed), history_csv(progress.rows))
            folder = layout.model(variant, seed)
            save_model(folder, progress.best_weights, architecture=model.architecture, vocabulary=layout.initial / VOCABULARY)
            run.model(folder / WEIGHTS)
            run.artifact(layout.history(variant, seed))
            print(f"{folder}: the weights with the best score on {switches.selection}, {progress.best_score:.2f}", file=sys.stderr)
