"""The train step: one variant with one seed."""

from __future__ import annotations

from cada import compute, config
from cada.data.loading import take_split
from cada.data.prepare import load_records
from cada.files import write_text
from cada.model.folder import VOCABULARY, WEIGHTS, load_model, save_model
from cada.paths import Cell, Layout
from cada.phrases.table import read_phrases
from cada.retrieval.evaluation import load_target
from cada.steps.common import engine_of, resumable, tracked, training_parameters
from cada.training.captions import attribute_groups
from cada.training.finetune import finetune, load_training_set
from cada.training.loop import history_csv
from cada.training.objective import SpecialTokens


def train_variant(dataset: str, variant: str, seed: int) -> None:
    """Fine-tune one variant with one seed from the initial weights."""
    layout, parameters, chosen = Layout(dataset), config.load_dataset(dataset), config.load_variant(variant)
    settings = parameters.train
    switches = config.resolve_switches(chosen, settings.switches)
    device = compute.prepare(settings.compute)
    records = load_records(dataset, parameters.data, manifest=layout.manifest)
    model, tokenizer, architecture = load_model(layout.initial)
    split = take_split(records, "train", root=parameters.data.root, queries="first_two")
    training = load_training_set(split, tokenizer, architecture.image_size, threads=settings.compute.threads)
    if chosen.weights.ara:
        phrases = read_phrases(layout.phrases)
        groups = attribute_groups(training.captions, split, masking=switches.ara_masking, phrases=phrases, tokenizer=tokenizer)
        training = training.with_groups(groups)
    held_out = take_split(records, switches.selection, root=parameters.data.root, queries=switches.queries)
    target = load_target(held_out, tokenizer, architecture.image_size, threads=settings.compute.threads)
    inputs = [layout.manifest, layout.phrases, layout.initial / WEIGHTS]
    cell = Cell(dataset, variant, seed)
    description = training_parameters(dataset, variant)
    with resumable(cell, description[1], inputs) as state, tracked(cell, "train", description, device=device) as run:
        progress = finetune(
            model.to(device),
            training,
            target,
            optimisation=settings.optimisation,
            augmentation=settings.augmentation,
            weights=chosen.weights,
            switches=switches,
            special=SpecialTokens(tokenizer.enc, tokenizer.mask),
            engine=engine_of(chosen, switches, settings.validation, tokenizer, device),
            fusion_weights=settings.validation.fusion_weights,
            seed=seed,
            log_every=settings.log_every,
            state=state,
            report=run.log,
        )
        write_text(layout.history(variant, seed), history_csv(progress.rows))
        folder = layout.model(variant, seed)
        save_model(folder, progress.best_weights, architecture=architecture, vocabulary=layout.initial / VOCABULARY)
