"""The train step: one variant with one seed."""

from __future__ import annotations

import sys
from functools import partial

import torch

from cada import compute, config, distributed
from cada.data.loading import take_queries, take_split
from cada.files import write_text
from cada.model.folder import VOCABULARY, WEIGHTS, load_model, save_model
from cada.paths import Cell, Layout
from cada.phrases.table import read_phrases
from cada.retrieval.evaluation import Target, target_of
from cada.steps.common import engine_of, open_pictures, records_with_val, resumable, tracked, training_parameters
from cada.training.batches import training_set
from cada.training.captions import attribute_groups
from cada.training.finetune import finetune
from cada.training.loop import history_csv
from cada.training.objective import SpecialTokens


def train_variant(dataset: str, variant: str, seed: int) -> None:
    """Fine-tune one variant with one seed from the initial weights, in as many processes as train.yaml asks for."""
    settings = config.load_dataset(dataset).train
    command = ["train", dataset, "--variant", variant, "--seed", str(seed)]
    work = partial(train_cell, Cell(dataset, variant, seed))
    compute.in_processes(settings.compute, command, work, batch=settings.optimisation.batch_size)


def train_cell(cell: Cell, device: torch.device) -> None:
    """This process's part of the training."""
    dataset, variant, seed = cell.dataset, cell.variant, cell.seed
    layout, parameters, chosen = Layout(dataset), config.load_dataset(dataset), config.load_variant(variant)
    settings = parameters.train
    switches = config.resolve_switches(chosen, settings.switches)
    records = records_with_val(dataset, parameters.data, switches)
    model, tokenizer, architecture = load_model(layout.initial)
    if settings.compute.checkpointing:
        model.checkpoint_layers()

    def searched(name: str, *, persons: int | None = None) -> Target:
        part = take_queries(take_split(records, name, root=parameters.data.root, queries=switches.queries), persons)
        return target_of(part, pictures_of(part), tokenizer)

    pictures_of = partial(open_pictures, dataset, size=architecture.image_size, threads=settings.compute.threads)
    split = take_split(records, "train", root=parameters.data.root, queries="first_two")
    training = training_set(split, pictures_of(split), tokenizer)
    if "ara" in chosen.objectives:
        phrases = read_phrases(layout.phrases, dataset)
        groups = attribute_groups(training.captions, split, masking=switches.ara_masking, phrases=phrases, tokenizer=tokenizer)
        training = training.with_groups(groups)

    watched = None
    if settings.watch_test != "none" and switches.selection != "test":
        watched = searched("test", persons=None if settings.watch_test == "all" else settings.watch_test)
    inputs = [layout.manifest, layout.phrases, layout.initial / WEIGHTS]
    description = training_parameters(dataset, variant)
    with resumable(cell, description[1], inputs) as state, tracked(cell, "train", description, device=device) as run:
        progress = finetune(
            model.to(device),
            training,
            searched(switches.selection),
            watched=watched,
            optimisation=settings.optimisation,
            augmentation=settings.augmentation,
            weights=config.resolve_weights(chosen, settings.weights),
            switches=switches,
            special=SpecialTokens(tokenizer.enc, tokenizer.mask),
            engine=engine_of(chosen, settings.validation, tokenizer, device, settings.compute.precision),
            fusion_weights=settings.validation.fusion_weights,
            padded_to=tokenizer.max_tokens if switches.padding == "fixed" else None,
            seed=seed,
            log_every=settings.log_every,
            save_seconds=settings.save_seconds,
            state=state,
            report=run.log,
        )
        if distributed.is_first():
            write_text(layout.history(variant, seed), history_csv(progress.rows))
            folder = layout.model(variant, seed)
            save_model(folder, progress.best_weights, architecture=architecture, vocabulary=layout.initial / VOCABULARY)
            run.model(folder / WEIGHTS)
            run.artifact(layout.history(variant, seed))
            print(f"{folder}: the weights with the best score on {switches.selection}, {progress.best_score:.2f}", file=sys.stderr)
