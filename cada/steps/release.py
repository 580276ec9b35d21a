"""The release step: the best model of a run, chosen on val, as a folder to search with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cada.datasets import manifest as manifests
from cada.gallery.release import CARD, Release
from cada.model.folder import load_model
from cada.objectives import OBJECTIVES
from cada.recipes import Recipe, take
from cada.recipes.models import TitledRecipe
from cada.reporting.rendering import render
from cada.reporting.results.histories import Histories, chosen_by, read_histories
from cada.reporting.results.metrics import LABEL, MeasuredVariant, MetricsFile, read_variants
from cada.retrieval.metrics import METRICS
from cada.retrieval.openset import ValSearches
from cada.storage.files import atomic, digest, write_text
from cada.storage.paths import MODEL_FILES, WEIGHTS, Layout


def write_release(dataset: str, *, workflow: Path) -> None:
    """Write the model with the best mAP on val, how it is searched with, and its card.

    Errors: `CadaError` for a result that is missing.
    """
    layout, matrix = Layout(dataset), take(Recipe("release", dataset, workflow=workflow), TitledRecipe)
    measured = read_variants(dataset, list(matrix.titles.items()), matrix.seeds, layout.root / "metrics")
    histories = read_histories(dataset, list(matrix.titles), matrix.seeds, layout.root / "history")
    chosen, place = best(histories)
    variant = next(variant for variant in measured if variant.name == chosen)
    seed, folder = matrix.seeds[place], layout.release(workflow)
    copy_model(layout.model(chosen, seed), folder)
    file, by = variant.files[place], chosen_by(histories[chosen][place])
    origin = {"dataset": dataset, "variant": chosen, "seed": seed, "chosen_on": by, "weights_sha256": digest(folder / WEIGHTS)}
    decodes = any(OBJECTIVES[name].decodes for name in matrix.objectives[chosen])
    release = Release(folder, file.headline, file.fusion_weight, file.top_k, open_set_of(file), origin, decodes)
    release.write()
    write_text(folder / CARD, card(release, variant, file, manifests.read(layout.manifest, dataset)))


def copy_model(source: Path, folder: Path) -> None:
    """Copy a model that can be read: a damaged file is named, and not passed on."""
    load_model(source)
    for name in MODEL_FILES:
        with atomic(folder / name) as partial:
            shutil.copyfile(source / name, partial)


def best(histories: Histories) -> tuple[str, int]:
    """The variant with the best mean mAP of its seeds' checkpoints on the split that chose them, and the place of its best seed.

    One whose checkpoints were chosen on test does not compare with those that val chose, and is taken where there are no others.
    """
    by = {variant: chosen_by(tables[0]) for variant, tables in histories.items()}
    split = "val" if "val" in by.values() else "test"
    scores = {
        variant: [float(table[f"{split}_mAP"].max()) for table in tables] for variant, tables in histories.items() if by[variant] == split
    }
    variant = max(scores, key=lambda name: float(np.mean(scores[name])))
    return variant, int(np.argmax(scores[variant]))


def open_set_of(file: MetricsFile) -> ValSearches | None:
    """What the evaluation says of persons who are not there; None where val is test."""
    return None if file.open_set is None else ValSearches.of_json(file.open_set.val.model_dump())


def card(release: Release, variant: MeasuredVariant, file: MetricsFile, manifest: Mapping[str, Any]) -> str:
    """The model card."""
    scores, ends = file.scores[file.headline], file.intervals[file.headline]
    return render(
        "release.md.jinja",
        release=release,
        title=variant.title,
        file=file,
        splits=manifest["splits"],
        drawn="oracles" in manifest,
        annotation=manifest["annotation"],
        seeds=len(variant.files),
        metrics=[(LABEL[name], getattr(scores, name), *getattr(ends, name)) for name in METRICS],
        mean=variant.headline_summary(),
    )
