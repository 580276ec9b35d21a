"""The initial step: the weights that every variant and seed starts from, pre-trained here or imported before."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from cada import config
from cada.datasets.loading import take_split
from cada.datasets.prepared import load_records
from cada.errors import CadaError, about
from cada.model.agreement import agreed_architecture
from cada.model.cada import Cada
from cada.model.folder import load_weights, save_model, weights_of
from cada.model.importing import resized
from cada.model.tokenizer import Tokenizer
from cada.recipes import Recipe, identity, recorded, take
from cada.recipes.models import InitialRecipe
from cada.runtime import compute, distributed
from cada.steps.common import parameters_named, split_images, tracked
from cada.storage.files import checked
from cada.storage.paths import VOCABULARY, WEIGHTS, Cell, Layout
from cada.tracking import Run
from cada.training.batches import training_set
from cada.training.layers import set_up_layers
from cada.training.pretrain import pretrain
from cada.training.seeds import seed_everything
from cada.training.states import INITIAL, resumable


def make_initial(dataset: str) -> None:
    """Write the weights that every variant and seed starts from."""
    layout, recipe = Layout(dataset), take(Recipe("initial", dataset), InitialRecipe)
    initial = recipe.initial
    if (initial.source == "file") != (initial.weights is not None) or (initial.source == "pretrain") != (initial.pretrain is not None):
        raise CadaError(
            f"{layout.params('initial')}: `source: file` needs `weights` (made by `cada weights import`) and no `pretrain`; "
            "`source: pretrain` needs a section `pretrain` and no `weights`."
        )
    if initial.weights is not None:
        take_weights(layout, initial.weights, recipe.model)
    elif initial.pretrain is not None:
        pretrain_weights(layout, recipe, initial.pretrain)


def take_weights(layout: Layout, pinned: config.Pinned, model: config.Model) -> None:
    """Imported weights as model.yaml wants them: position embeddings are resized to its image size."""
    found, wanted = agreed_architecture(layout, pinned, model), model.architecture
    weights = load_weights(pinned.path)
    if wanted.image_size != found.image_size:
        place = layout.params("model")
        print(f"{place}: image_size {wanted.image_size}: position embeddings resized from {found.image_size}", file=sys.stderr)
        with about(place):
            weights, _ = resized(weights, found, image_size=wanted.image_size)
    save_model(layout.initial, weights, architecture=wanted, vocabulary=pinned.path / VOCABULARY)


def pretrain_weights(layout: Layout, recipe: InitialRecipe, settings: config.Pretraining) -> None:
    """Pre-train on the persons that the data set keeps for it, in as many processes as initial.yaml has."""
    if recipe.model.vocabulary is None:
        raise CadaError(f"{layout.params('model')}: vocabulary: is missing, and pre-training needs one.")
    if compute.shared_out(settings.compute, ["initial", layout.dataset], batch=settings.optimisation.batch_size):
        return
    vocabulary = checked(**dict(recipe.model.vocabulary))
    device = compute.prepare(settings.compute)
    cell = Cell(layout.dataset, INITIAL, settings.seed)
    own = Recipe("initial", layout.dataset)
    with (
        parameters_named(layout.params("initial"), "pretrain."),
        distributed.process_group(device),
        resumable(cell, identity(own), config.load_storage()) as state,
        tracked(cell, "initial", own, recorded(own)["values"], device=device) as run,
    ):
        weights, last = _pretrained(layout, recipe, settings, vocabulary=vocabulary, device=device, state=state, run=run)
        if distributed.is_first():
            save_model(layout.initial, weights, architecture=recipe.model.architecture, vocabulary=vocabulary, notes=last)
            run.model(layout.initial / WEIGHTS)


def _pretrained(
    layout: Layout,
    recipe: InitialRecipe,
    settings: config.Pretraining,
    *,
    vocabulary: Path,
    device: torch.device,
    state: Path,
    run: Run,
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """This process's part of the pre-training: the weights, the same in all, and the last row of the history."""
    architecture = recipe.model.architecture
    records = load_records(layout.dataset, recipe.source, manifest=layout.manifest)
    split = take_split(records, "pretrain", root=recipe.source.root)
    images = split_images(layout.dataset, split, architecture.image_size, threads=settings.compute.threads)
    seed_everything(settings.seed, "initial weights")
    model = Cada(architecture, Tokenizer.read(vocabulary, architecture.max_tokens)).to(device)
    set_up_layers(model, settings.compute)
    progress = pretrain(
        model,
        training_set(split, images, model.tokenizer),
        settings=settings,
        device=device,
        state=state,
        report=run.log,
    )
    return weights_of(model), progress.rows[-1]
