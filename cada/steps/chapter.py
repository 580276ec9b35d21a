"""The chapter step: what the report says of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cada.config import TrainingRecipe
from cada.datasets.manifest import read as read_manifest
from cada.datasets.prepared import load_records
from cada.datasets.records import Record
from cada.datasets.text import normalise_caption
from cada.model import cost
from cada.model.tokenizer import Tokenizer
from cada.recipes import Recipe, take
from cada.recipes.models import ChapterRecipe
from cada.reporting.formats import texts_of
from cada.reporting.html.chapter import About, write_chapter
from cada.reporting.html.choices import STARTS, choices
from cada.reporting.html.contents import contents
from cada.reporting.html.cost_table import STEPS, Cost, Counting, cost_csv, cost_table
from cada.reporting.html.rendering import as_yaml
from cada.reporting.html.scores import read_scores
from cada.reporting.html.seconds import mean_seconds, read_seconds
from cada.storage.files import write_text
from cada.storage.paths import Layout, chapter_folder, is_sweep

FOLDERS = {"tables": "tables", "figures": "figures", "probes": "probe_tables", "attention": "attention"}  # places of `Layout`
SHARED = ("data", "phrases", "initial")


def write_chapter_of(dataset: str, *, workflow: Path) -> None:
    """Write the chapter, and the cost table, of the variants and seeds that the workflow file lists."""
    recipe = take(Recipe("chapter", dataset, workflow=workflow), ChapterRecipe)
    layout, parameters, folder = Layout(dataset), recipe.parameters, chapter_folder(dataset, workflow)
    data, manifest = parameters.data, read_manifest(layout.manifest, dataset)
    records = load_records(dataset, data.source, manifest=layout.manifest)
    tokenizer = Tokenizer.read(layout.initial / "vocab.txt", parameters.model.max_tokens)
    counting = _counting(records, recipe, tokenizer, gallery=manifest["splits"]["test"]["images"])
    costs = [_cost(layout, name, recipe, counting, vocabulary=tokenizer.size) for name in recipe.objectives]
    shared = {step: read_seconds(layout.benchmark(step)) for step in SHARED}
    table = cost_table(dataset, costs, shared, counting, seeds=len(recipe.seeds))
    texts = {"cost.csv": cost_csv(dataset, costs, shared, seeds=len(recipe.seeds))} | texts_of("cost", table)
    folders = {name: getattr(layout, place)(workflow) for name, place in FOLDERS.items()}
    if is_sweep(workflow):
        del folders["probes"]  # made on demand, and then no input of this step
    own = TrainingRecipe(
        start=STARTS[parameters.initial.source],
        model=parameters.model.architecture,
        optimisation=parameters.train.optimisation,
        augmentation=parameters.train.augmentation,
        top_k=parameters.evaluate.top_k,
    )
    write_chapter(
        About(dataset, data.root.name, data.synthesis is not None, data.remark, start=parameters.initial.source, manifest=manifest),
        scores=read_scores(layout.tables(workflow) / "ablation.csv"),
        seeds=len(recipe.seeds),
        found=contents(dataset, folders, workflow=workflow),
        cost=table,
        deviations=recipe.deviations,
        idle=_idle(records, parameters.train.compute.processes),
        choices=choices(own, recipe.published, weights=recipe.weights, published_weights=recipe.published_weights),
        parameters={str(layout.params(name)): as_yaml(section) for name, section in parameters},
        folder=folder,
    )
    for name, text in texts.items():
        write_text(folder / name, text)


def _idle(records: Sequence[Record], processes: int | Literal["auto"]) -> dict[str, str]:
    """Switches that change nothing in this run, each with the reason."""
    idle = {}
    if any(record.split == "val" for record in records):
        idle["absent_val"] = "the data set has a val split"
    if all(len(record.captions) <= 2 for record in records if record.split in ("val", "test")):
        idle["queries"] = "no picture of val or test has more than two captions"
    if processes == 1:
        idle["ara_mean"] = "one process trains"
    return idle


def _counting(
    records: Sequence[Record],
    recipe: ChapterRecipe,
    tokenizer: Tokenizer,
    *,
    gallery: int,
) -> Counting:
    parameters = recipe.parameters

    def mean_tokens(split: str) -> int:
        captions = [normalise_caption(text) for record in records if record.split == split for text in record.captions]
        return round(float(tokenizer.encode(captions).lengths.mean()))

    train = mean_tokens("train")
    return Counting(
        batch=parameters.train.optimisation.batch_size,
        train_tokens={name: parameters.model.max_tokens if own == "fixed" else train for name, own in recipe.padding.items()},
        query_tokens=mean_tokens("test"),
        gallery=gallery,
        top_k=parameters.evaluate.top_k,
    )


def _cost(layout: Layout, variant: str, recipe: ChapterRecipe, counting: Counting, *, vocabulary: int) -> Cost:
    architecture, train, objectives = recipe.parameters.model.architecture, recipe.parameters.train, recipe.objectives[variant]
    reranks, tokens = variant in recipe.reranking, counting.query_tokens
    size = train.optimisation.micro_batch_size
    return Cost(
        variant,
        trained=cost.trained_parameters(architecture, vocabulary=vocabulary, objectives=objectives),
        searched=cost.retrieval_parameters(architecture, vocabulary=vocabulary, reranks=False),
        reranked=cost.retrieval_parameters(architecture, vocabulary=vocabulary, reranks=True) if reranks else None,
        step_flops=cost.training_flops(
            architecture,
            samples=counting.batch,
            tokens=counting.train_tokens[variant],
            vocabulary=vocabulary,
            recomputed=train.compute.checkpointing + (size is not None and size < counting.batch),
            objectives=objectives,
        ),
        search_flops=cost.search_flops(architecture, images=counting.gallery, tokens=tokens),
        rerank_flops=cost.rerank_flops(architecture, top_k=min(counting.top_k, counting.gallery), tokens=tokens) if reranks else None,
        seconds={step: mean_seconds([layout.benchmark(step, variant, seed) for seed in recipe.seeds]) for step in STEPS},
    )
