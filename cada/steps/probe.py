"""The probe step: one trained model on the test split, with captions and images changed."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor

from cada import config
from cada.analysis.probes.attributes import attribute_recall, read_truth
from cada.analysis.probes.captions import read_captions
from cada.analysis.probes.choices import caption_choices, look_alike_choices, shown_images
from cada.analysis.probes.images import image_changes
from cada.analysis.probes.outcomes import Outcome, outcomes_table, summary
from cada.analysis.probes.running import Baseline, change_images, probe_captions, probe_images
from cada.analysis.probes.synonyms import COMMON, Groups, grammar_groups
from cada.analysis.probes.text import text_changes
from cada.datasets.loading import Split, evenly_spaced, take_persons, take_split
from cada.datasets.prepared import load_records
from cada.model.folder import load_model
from cada.phrases.table import read_phrases
from cada.recipes import Recipe, take
from cada.recipes.models import ProbeRecipe
from cada.retrieval.metrics import summarise
from cada.retrieval.search import Search, Target
from cada.runtime import compute, distributed
from cada.steps.common import engine_of, split_images
from cada.storage.files import atomic, write_json
from cada.storage.paths import Cell, Layout
from cada.storage.results import ResultFile, read_result
from cada.storage.tables import read_table
from cada.synthpedes.randomness import Stream

FALSE = ("swapped_colours", "negation")  # the kinds whose captions are no longer true


class Headline(ResultFile):
    """What the evaluation found on val: the score that is reported, and its weight."""

    headline: Literal["cosine", "calibrated", "published"]
    fusion_weight: float | None


def probe_variant(dataset: str, variant: str, seed: int) -> None:
    """Probe one trained model, in as many processes and within as much memory as evaluate.yaml says.

    Changed images take up to half of `memory_mb` in addition; what does not fit is on the disk.
    """
    recipe = take(Recipe("probe", dataset, variant), ProbeRecipe)
    command = ["probe", dataset, "--variant", variant, "--seed", str(seed)]
    compute.in_processes(recipe.compute, command, partial(probe_cell, Cell(dataset, variant, seed), recipe))


def probe_cell(cell: Cell, recipe: ProbeRecipe, device: torch.device) -> None:
    """This process's part of the probes."""
    dataset, variant, seed = cell.dataset, cell.variant, cell.seed
    layout, probe = Layout(dataset), recipe.probe
    evaluate = f"cada evaluate {dataset} --variant {variant} --seed {seed}"
    metrics = read_result(layout.metrics(variant, seed), Headline, command=evaluate)
    records = load_records(dataset, recipe.source, manifest=layout.manifest)
    test = take_split(records, "test", root=recipe.source.root, queries=recipe.switches.queries)
    split = take_persons(test, probe.persons, consecutive=probe.consecutive)
    model = load_model(layout.model(variant, seed)).to(device)
    gallery = split_images(dataset, split, model.architecture.image_size, threads=recipe.compute.threads)
    engine = engine_of(recipe.search, recipe.compute.precision, reranks=recipe.reranks)
    target = Target.of(split, gallery, model.tokenizer)
    baseline = Baseline.of(Search.of(model, target, engine), metrics.headline, metrics.fusion_weight)
    groups = grammar_groups() if recipe.synthesis else COMMON
    phrases = read_phrases(layout.phrases, dataset)
    text = text_kinds(baseline, split, phrases, settings=probe.text, groups=groups, seed=probe.seed)
    baseline = baseline.without_tokens()
    images = image_kinds(baseline, gallery, split, settings=probe.image, seed=probe.seed)
    choices = caption_choices(text, split)
    if recipe.synthesis:
        shown = shown_images(recipe.synthesis, evenly_spaced(test, probe.look_alikes).tolist(), seed=probe.seed)
        choices = pd.concat([look_alike_choices(model, shown, engine), choices], ignore_index=True)
    strengths = probe.text.model_dump() | probe.image.model_dump()

    def summed_up(outcomes: dict[str, Outcome]) -> dict[str, dict[str, Any]]:
        return {kind: {"strength": strengths.get(kind)} | summary(found, baseline.values) for kind, found in outcomes.items()}

    result: dict[str, Any] = {
        "dataset": dataset,
        "variant": variant,
        "seed": seed,
        "split": "test",
        "queries": len(split.captions),
        "query_persons": len(set(split.caption_persons.tolist())),
        "test_persons": len(set(test.caption_persons.tolist())),
        "consecutive": probe.consecutive,
        "gallery": len(split.image_names),
        "top_k": engine.top_k,
        "headline": baseline.fusion,
        "fusion_weight": baseline.weight,
        "probe_seed": probe.seed,
        "synonyms": "grammar" if recipe.synthesis else "common",
        "unchanged": summarise(baseline.values),
        "captions": summed_up(text),
        "images": summed_up(images),
    }
    if recipe.synthesis:
        rankings = read_table(layout.rankings(variant, seed), ["image", "caption", "person", "top"], command=evaluate)
        result["attributes"] = attribute_recall(rankings, read_truth(recipe.source.root), bootstrap=recipe.bootstrap)
    if not distributed.is_first():
        return
    tables = {layout.probe_outcomes: outcomes_table(baseline.values, text | images, split), layout.probe_choices: choices}
    for place, table in tables.items():
        with atomic(place(variant, seed)) as partial:
            table.to_parquet(partial, index=False)
    write_json(layout.probes(variant, seed), result)
    kinds = (result["captions"] | result["images"]).items()
    changes = (f"{kind} {found['scores']['R1'] - result['unchanged']['R1']:+.1f}" for kind, found in kinds)
    print(f"{layout.probes(variant, seed)}: R1 {result['unchanged']['R1']:.1f}; {', '.join(changes)}", file=sys.stderr)


def text_kinds(
    baseline: Baseline,
    split: Split,
    phrases: pd.DataFrame,
    *,
    settings: config.TextProbes,
    groups: Groups,
    seed: int,
) -> dict[str, Outcome]:
    """Every change of captions."""
    captions, results = read_captions(split, phrases), {}
    for kind, change in text_changes(**settings.model_dump(), groups=groups).items():
        texts = [change(caption, Stream(seed, kind, caption.image, caption.number)) for caption in captions]
        own = split.caption_image if kind in FALSE else None
        results[kind] = probe_captions(baseline, baseline.search.model.tokenizer(texts), own=own)
    return results


def image_kinds(baseline: Baseline, gallery: Tensor, split: Split, *, settings: config.ImageProbes, seed: int) -> dict[str, Outcome]:
    """Every change of images."""
    results, engine = {}, baseline.search.engine
    for kind, change in image_changes(**settings.model_dump()).items():
        changed = change_images(
            gallery,
            split.image_names,
            change,
            seed=seed,
            kind=kind,
            batch_size=engine.batch_size,
            memory_mb=engine.memory_mb // 2,
        )
        results[kind] = probe_images(baseline, changed)
    return results
