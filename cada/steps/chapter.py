"""The chapter step: what the report says of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from cada.datasets.manifest import read as read_manifest
from cada.datasets.prepared import load_records
from cada.datasets.records import Record
from cada.datasets.text import normalise_caption
from cada.model import cost
from cada.model.tokenizer import Tokenizer
from cada.recipes import Recipe, take
from cada.recipes.models import ChapterRecipe
from cada.reporting.html.chapter import AboutDataset, Chapter, judged_scores, write_chapter
from cada.reporting.html.topics import shown_topics
from cada.reporting.rendering import as_yaml
from cada.reporting.results.seconds import mean_seconds, read_seconds
from cada.reporting.tables.cost import MEASURED_STEPS, CountedSizes, VariantCost, cost_table
from cada.reporting.tables.pairs import findings, read_pairs
from cada.reporting.tables.table import write_tables
from cada.storage.paths import Layout, chapter_folder, is_sweep

FOLDERS = {  # places of `Layout`
    **{"tables": "tables", "figures": "figures", "attention": "attention"},
    **{"probes": "probe_tables", "associations": "association_tables"},
}
SHARED = ("data", "phrases", "initial")


def write_chapter_of(dataset: str, *, workflow: Path) -> None:
    """Write the chapter, and the cost table, of the variants and seeds that the workflow file lists."""
    recipe = take(Recipe("chapter", dataset, workflow=workflow), ChapterRecipe)
    layout, parameters, folder = Layout(dataset), recipe.parameters, chapter_folder(dataset, workflow)
    data, manifest = parameters.data, read_manifest(layout.manifest, dataset)
    records = load_records(dataset, data.source, manifest=layout.manifest)
    tokenizer = Tokenizer.read(layout.initial / "vocab.txt", parameters.model.max_tokens)
    sizes = _sizes(records, recipe, tokenizer, gallery=manifest["splits"]["test"]["images"])
    costs = [_cost(layout, name, recipe, sizes, vocabulary=tokenizer.size) for name in recipe.objectives]
    shared = {step: read_seconds(layout.benchmark(step)) for step in SHARED}
    values, cost = cost_table(dataset, costs, shared, sizes, seeds=len(recipe.seeds))
    folders = {name: getattr(layout, place)(workflow) for name, place in FOLDERS.items()}
    if is_sweep(workflow):
        del folders["probes"], folders["associations"]  # made on demand, and then no input of this step
    topics = shown_topics(dataset, folders, workflow=workflow)
    tables = layout.tables(workflow)
    chapter = Chapter(
        AboutDataset(dataset, data.root.name, data.synthesis is not None, data.remark, parameters.initial.source, manifest),
        seeds=len(recipe.seeds),
        scores=judged_scores(tables / "ablation.csv"),
        findings=tuple(findings(read_pairs(tables / "pairs.csv", list(recipe.objectives), recipe.seeds), ["R1"])),
        topics=tuple(topics),
        cost=cost,
        deviations=tuple(recipe.deviations),
        idle=_idle(records, parameters.train.compute.processes),
        choices=recipe.choices,
        parameters={str(layout.params(name)): as_yaml(section) for name, section in parameters},
    )
    write_chapter(chapter, folder)
    write_tables({"cost": (values, cost)}, folder)


def _idle(records: Sequence[Record], processes: int | Literal["auto"]) -> dict[str, str]:
    """Switches that change nothing in this run, each with the reason."""
    idle = {}
    if any(record.split == "val" for record in records):
        idle["absent_val"] = "the data set has a val split"
    if all(len(record.captions) <= 2 for record in records if record.split in ("val", "test")):
        idle["queries"] = "no image of val or test has more than two captions"
    if processes == 1:
        idle["ara_mean"] = "one process trains"
    return idle


def _sizes(
    records: Sequence[Record],
    recipe: ChapterRecipe,
    tokenizer: Tokenizer,
    *,
    gallery: int,
) -> CountedSizes:
    parameters = recipe.parameters

    def mean_tokens(split: str) -> int:
        captions = [normalise_caption(text) for record in records if record.split == split for text in record.captions]
        return round(float(tokenizer.encode(captions).lengths.mean()))

    train = mean_tokens("train")
    return CountedSizes(
        batch=parameters.train.optimisation.batch_size,
        train_tokens={name: parameters.model.max_tokens if own == "fixed" else train for name, own in recipe.padding.items()},
        query_tokens=mean_tokens("test"),
        gallery=gallery,
        top_k=parameters.evaluate.top_k,
    )


def _cost(layout: Layout, variant: str, recipe: ChapterRecipe, sizes: CountedSizes, *, vocabulary: int) -> VariantCost:
    architecture, train, objectives = recipe.parameters.model.architecture, recipe.parameters.train, recipe.objectives[variant]
    reranks, tokens = variant in recipe.reranking, sizes.query_tokens
    micro_batch = train.optimisation.micro_batch_size
    return VariantCost(
        variant,
        trained=cost.trained_parameters(architecture, vocabulary=vocabulary, objectives=objectives),
        searched=cost.retrieval_parameters(architecture, vocabulary=vocabulary, reranks=False),
        reranked=cost.retrieval_parameters(architecture, vocabulary=vocabulary, reranks=True) if reranks else None,
        step_flops=cost.training_flops(
            architecture,
            samples=sizes.batch,
            tokens=sizes.train_tokens[variant],
            vocabulary=vocabulary,
            recomputed=train.compute.checkpointing + (micro_batch is not None and micro_batch < sizes.batch),
            objectives=objectives,
        ),
        search_flops=cost.search_flops(architecture, images=sizes.gallery, tokens=tokens),
        rerank_flops=cost.rerank_flops(architecture, top_k=min(sizes.top_k, sizes.gallery), tokens=tokens) if reranks else None,
        seconds={step: mean_seconds([layout.benchmark(step, variant, seed) for seed in recipe.seeds]) for step in MEASURED_STEPS},
    )
