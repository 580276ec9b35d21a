"""The associate step: what the phrases of test captions look at, and which regions predict them, in one trained model."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from cada.analysis.association.names import attribution_names
from cada.analysis.association.regions import Coverage, anatomy, bands, shown_regions
from cada.analysis.association.running import Pair, Shown, associate
from cada.config import Synthesis
from cada.datasets.loading import Split, take_persons, take_split
from cada.datasets.prepared import load_records
from cada.datasets.text import normalise_caption
from cada.errors import CadaError, about
from cada.model.folder import load_model
from cada.model.positions import grid_of
from cada.phrases.table import read_phrases
from cada.recipes import Recipe, take
from cada.recipes.models import AssociateRecipe
from cada.runtime import compute
from cada.steps.common import split_images
from cada.storage.files import atomic, write_json
from cada.storage.paths import Cell, Layout
from cada.synthpedes.generate import Task, tasks
from cada.synthpedes.regions import gold_phrases, labels_of, slot_of

EXAMINED, KNOWN_FROM = "test", "val"  # the split of the pairs, and the one that the anatomy is known from


def associate_variant(dataset: str, variant: str, seed: int) -> None:
    """Measure one trained model, in one process."""
    recipe = take(Recipe("associate", dataset, variant), AssociateRecipe)
    command = ["associate", dataset, "--variant", variant, "--seed", str(seed)]
    compute.in_processes(recipe.compute, command, partial(associate_cell, Cell(dataset, variant, seed), recipe))


def associate_cell(cell: Cell, recipe: AssociateRecipe, device: torch.device) -> None:
    """The step on a device: a table of the phrases, and beside it what they are and one pair to show."""
    dataset, variant, seed = cell.dataset, cell.variant, cell.seed
    layout, settings, synthesis = Layout(dataset), recipe.associate, recipe.synthesis
    records = load_records(dataset, recipe.source, manifest=layout.manifest)
    split = take_persons(take_split(records, EXAMINED, root=recipe.source.root), settings.persons, consecutive=settings.consecutive)
    model = load_model(layout.model(variant, seed)).to(device)
    size, grid = model.architecture.image_size, grid_of(model.architecture.image_size, model.architecture.patch_size)
    rows = first_captions(split, images=settings.images)
    pairs = list(choose_pairs(split, rows, read_phrases(layout.phrases, dataset), synthesis, size=size, grid=grid))
    if not pairs:
        raise CadaError(
            f"{layout.phrases}: no caption of the persons to associate has a phrase. Raise persons in {layout.params('associate')}."
        )
    maps: Coverage = {}
    shares: dict[str, float] = {}
    if synthesis is not None:
        maps, shares = anatomy((labels_of(task, synthesis) for task in tasks(synthesis, KNOWN_FROM)), size, grid)
    images = dict(zip(split.image_names, split_images(dataset, split, size, threads=recipe.compute.threads), strict=True))
    with about(layout.params("associate")):
        table, shown = associate(
            model,
            pairs,
            images.__getitem__,
            maps,
            attribution=settings.attribution,
            seed=settings.seed,
            batch_size=recipe.batch_size,
        )
    result = {
        "dataset": dataset,
        "variant": variant,
        "seed": seed,
        "persons": len({pair.person for pair in pairs}),
        "pairs": len(pairs),
        "phrases": len(table),
        "attributions": list(attribution_names(model.architecture.text.depth)),
        "attribution": settings.attribution,
        "trains_match": recipe.reranks,
        "trains_decoder": recipe.decodes,
        "grid": list(grid),
        "slots": shares,
        "example": example(shown),
    }
    with atomic(layout.associated_phrases(variant, seed)) as partial_file:
        table.to_parquet(partial_file, index=False)
    write_json(layout.associations(variant, seed), result)
    told = f"{len(table)} phrases, agreement {table['agreement'].mean():.2f}"
    if shares:
        told += f", pointing {100 * table[f'{settings.attribution}_pointing'].mean():.1f} % ({settings.attribution})"
    print(f"{layout.associations(variant, seed)}: {told}", file=sys.stderr)


def first_captions(split: Split, *, images: int) -> np.ndarray:
    """The first caption of each of the first `images` images of every person: rows of the split's captions."""
    taken: Counter[int] = Counter()
    rows = []
    for row in np.flatnonzero(split.caption_number == 0):
        person = int(split.caption_persons[row])
        taken[person] += 1
        rows += [row] if taken[person] <= images else []
    return np.array(rows, dtype=np.int64)


def choose_pairs(
    split: Split, rows: np.ndarray, phrases: pd.DataFrame, synthesis: Synthesis | None, *, size: tuple[int, int], grid: tuple[int, int]
) -> Iterator[Pair]:
    """Those of the captions `rows` that have a phrase, each with its image's regions: of a drawn set the true ones, else bands."""
    drawn = {} if synthesis is None else {task.path: task for task in tasks(synthesis, EXAMINED)}
    places = {key: list(zip(own["start"], own["end"], strict=True)) for key, own in phrases.groupby(["image", "caption"], sort=False)}
    for row in rows:
        image, number = split.image_names[split.caption_image[row]], int(split.caption_number[row])
        if not (spans := places.get((image, number))):
            continue
        slots, regions = _truth(drawn[image], number, spans, synthesis, size, grid) if synthesis else ([None] * len(spans), bands(grid))
        text = normalise_caption(split.captions[row])
        yield Pair(image, number, int(split.caption_persons[row]), text, tuple(spans), tuple(slots), regions)


def _truth(
    task: Task, number: int, spans: list[tuple[int, int]], synthesis: Synthesis, size: tuple[int, int], grid: tuple[int, int]
) -> tuple[list[str | None], Mapping[str, np.ndarray]]:
    gold = gold_phrases(task, synthesis)[number]
    return [slot_of(span, gold) for span in spans], shown_regions(labels_of(task, synthesis), size, grid)


def example(shown: Shown) -> dict[str, Any]:
    """The pair to show, in numbers and names."""
    pair = shown.pair
    return {
        "image": pair.image,
        "caption": pair.text,
        "phrases": shown.phrases,
        "slots": shown.slots,
        "regions": shown.regions,
        "coverage": [pair.regions[name].tolist() for name in shown.regions],
        "maps": shown.maps.tolist(),
        "looks": shown.looks.tolist(),
        "predicts": shown.predicts.tolist(),
    }
