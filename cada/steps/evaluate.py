"""The evaluate step: one trained model on the test split."""

from __future__ import annotations

from cada import compute, config
from cada.data.loading import take_split
from cada.data.prepare import load_records
from cada.files import atomic, write_json
from cada.model.folder import load_model
from cada.paths import Cell, Layout
from cada.retrieval.evaluation import load_target
from cada.retrieval.results import evaluate_model, rankings_table
from cada.steps.common import described, engine_of, tracked, training_parameters
from cada.tracking import test_summary


def evaluate_variant(dataset: str, variant: str, seed: int) -> None:
    """Score one trained model on the test split."""
    layout, parameters, chosen = Layout(dataset), config.load_dataset(dataset), config.load_variant(variant)
    settings = parameters.evaluate
    switches = config.resolve_switches(chosen, parameters.train.switches)
    device = compute.prepare(settings.compute)
    records = load_records(dataset, parameters.data, manifest=layout.manifest)
    model, tokenizer, architecture = load_model(layout.model(variant, seed))
    val, test = (take_split(records, name, root=parameters.data.root, queries=switches.queries) for name in ("val", "test"))
    targets = [load_target(split, tokenizer, architecture.image_size, threads=settings.compute.threads) for split in (val, test)]
    metrics, ranking = evaluate_model(
        model.to(device),
        *targets,
        engine=engine_of(chosen, switches, settings, tokenizer, device),
        headline=switches.fusion if chosen.reranks else "cosine",
        fusion_weights=settings.fusion_weights,
        parts=parameters.data.gallery_parts,
        bootstrap=settings.bootstrap,
    )
    metrics = {
        "dataset": dataset,
        "variant": variant,
        "seed": seed,
        "procedure": chosen.procedure,
        "selection": switches.selection,
        "split": "test",
    } | metrics
    with atomic(layout.rankings(variant, seed)) as partial:
        rankings_table(ranking, test).to_parquet(partial, index=False)
    write_json(layout.metrics(variant, seed), metrics)
    description = described(settings)[0], training_parameters(dataset, variant)[1]
    with tracked(Cell(dataset, variant, seed), "evaluate", description, device=device) as run:
        run.summary(test_summary(metrics))
