"""The evaluate step: one trained model on the test split."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial

import torch

from cada import compute, config, distributed
from cada.data.loading import take_split
from cada.files import atomic, write_json
from cada.model.folder import load_model
from cada.paths import Cell, Layout
from cada.retrieval.evaluation import target_of
from cada.retrieval.results import evaluate_model, rankings_table
from cada.steps.common import described, engine_of, feature_cache, open_pictures, records_with_val, tracked, training_parameters
from cada.tracking import named_metrics


def evaluate_variant(dataset: str, variant: str, seed: int) -> None:
    """Score one trained model on the test split, in as many processes as evaluate.yaml asks for."""
    settings = config.load_dataset(dataset).evaluate.compute
    command = ["evaluate", dataset, "--variant", variant, "--seed", str(seed)]
    compute.in_processes(settings, command, partial(evaluate_cell, Cell(dataset, variant, seed)))


def evaluate_cell(cell: Cell, device: torch.device) -> None:
    """This process's part of the evaluation."""
    dataset, variant, seed = cell.dataset, cell.variant, cell.seed
    layout, parameters, chosen = Layout(dataset), config.load_dataset(dataset), config.load_variant(variant)
    settings = parameters.evaluate
    switches = config.resolve_switches(chosen, parameters.train.switches)
    records = records_with_val(dataset, parameters.data, switches)
    model, tokenizer, architecture = load_model(layout.model(variant, seed))
    splits = [take_split(records, name, root=parameters.data.root, queries=switches.queries) for name in ("val", "test")]
    pictures = [open_pictures(dataset, split, architecture.image_size, threads=settings.compute.threads) for split in splits]
    val, test = (target_of(split, shown, tokenizer) for split, shown in zip(splits, pictures, strict=True))
    engine = engine_of(chosen, settings, tokenizer, device, settings.compute.precision)
    headline = switches.fusion if chosen.reranks else "cosine"
    metrics, rankings = evaluate_model(
        model.to(device),
        val,
        test,
        engine=replace(engine, cache=feature_cache(layout.model(variant, seed), engine)),
        headline=headline,
        fusion_weights=settings.fusion_weights,
        parts=parameters.data.gallery_parts,
        bootstrap=settings.bootstrap,
    )
    if not distributed.is_first():
        return
    metrics = {
        "dataset": dataset,
        "variant": variant,
        "seed": seed,
        "procedure": chosen.procedure,
        "selection": switches.selection,
        "val": val_origin(parameters.data, switches),
        "split": "test",
    } | metrics
    with atomic(layout.rankings(variant, seed)) as partial:
        rankings_table(rankings, splits[1], headline=headline).to_parquet(partial, index=False)
    write_json(layout.metrics(variant, seed), metrics)
    description = described(settings)[0], training_parameters(dataset, variant)[1]
    summary = named_metrics(metrics)
    said = ", ".join(f"{name} {summary[f'test_{name}']:.1f}" for name in ("R1", "R5", "R10", "mAP"))
    print(f"{layout.metrics(variant, seed)}: {said}", file=sys.stderr)
    with tracked(cell, "evaluate", description, device=device) as run:
        run.summary(summary)
        run.artifact(layout.metrics(variant, seed))


def val_origin(data: config.Data, switches: config.Switches) -> str:
    """Where val comes from: the set's `own`, train persons `held_out`, or `test` itself, as the published code has it."""
    return "own" if data.held_out_persons is None else switches.absent_val
