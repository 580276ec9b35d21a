"""The initial step: the weights that every variant and seed starts from."""

from __future__ import annotations

from cada import compute, config
from cada.data.loading import take_split
from cada.data.prepare import load_records
from cada.errors import CadaError
from cada.files import checked
from cada.model.cada import build
from cada.model.folder import save_model, weights_of
from cada.model.tokenizer import Tokenizer
from cada.paths import Cell, Layout
from cada.steps.common import described, resumable, tracked
from cada.training.finetune import load_training_set
from cada.training.objective import SpecialTokens
from cada.training.pretrain import pretrain
from cada.training.seeds import seed_everything


def make_initial(dataset: str) -> None:
    """Pre-train the weights that every variant and seed starts from."""
    layout, parameters = Layout(dataset), config.load_dataset(dataset)
    settings = parameters.initial.pretrain
    if parameters.initial.source != "pretrain" or settings is None:
        raise CadaError(f"{layout.params('initial')}: source: pretrain with a section `pretrain` is the only source that there is yet.")
    if parameters.model.vocabulary is None:
        raise CadaError(f"{layout.params('model')}: vocabulary: is missing, and pre-training needs one.")
    architecture, vocabulary = parameters.model.architecture, checked(**dict(parameters.model.vocabulary))
    tokenizer = Tokenizer(vocabulary, architecture.max_tokens)
    device = compute.prepare(settings.compute)
    records = load_records(dataset, parameters.data, manifest=layout.manifest)
    split = take_split(records, "pretrain", root=parameters.data.root)
    training = load_training_set(split, tokenizer, architecture.image_size, threads=settings.compute.threads)
    seed_everything(settings.seed, "initial weights")
    model = build(architecture, vocabulary=tokenizer.size).to(device)
    cell = Cell(dataset, "initial", settings.seed)
    description = described(parameters.initial, parameters.model)
    with resumable(cell, description[1], [layout.manifest]) as state, tracked(cell, "initial", description, device=device) as run:
        pretrain(
            model,
            training,
            optimisation=settings.optimisation,
            augmentation=settings.augmentation,
            mask_rate=settings.mask_rate,
            special=SpecialTokens(tokenizer.enc, tokenizer.mask),
            seed=settings.seed,
            device=device,
            log_every=settings.log_every,
            state=state,
            report=run.log,
        )
        save_model(layout.initial, weights_of(model), architecture=architecture, vocabulary=vocabulary)
