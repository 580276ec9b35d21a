"""The recipe of a run beside the published one: where the models start, how large they are, how they are trained and searched."""

from __future__ import annotations

from collections.abc import Mapping

from cada.config.base import Parameters
from cada.config.model import Transformer
from cada.config.procedures import TrainingRecipe
from cada.objectives import OBJECTIVES


class Choice(Parameters):
    """One part of the recipe: what is published, and what this run does."""

    what: str
    published: str
    here: str


def choices(
    here: TrainingRecipe, published: TrainingRecipe, *, weights: Mapping[str, float], published_weights: Mapping[str, float]
) -> tuple[Choice, ...]:
    """The parts that are not as published; the weights are those of the losses."""
    ours, theirs = _said(here, weights), _said(published, published_weights)
    return tuple(Choice(what=what, published=theirs[what], here=text) for what, text in ours.items() if text != theirs[what])


def _said(recipe: TrainingRecipe, weights: Mapping[str, float]) -> dict[str, str]:
    model, optimisation = recipe.model, recipe.optimisation
    warmup = f"{optimisation.warmup_steps} steps of" if optimisation.warmup_steps else "no"
    return {
        "start": recipe.start,
        "images, height x width": f"{_size(model.image_size)}, in patches of {_size(model.patch_size)}",
        "image encoder": _layers(model.vision),
        "text encoder, attribute decoder": f"{_layers(model.text)} each",
        "dropout": f"{model.dropout:g}",
        "weights of the losses": ", ".join(f"{own.label} {weights[name]:g}" for name, own in OBJECTIVES.items() if name in weights),
        "epochs": f"{optimisation.epochs:g}",
        "batch": str(optimisation.batch_size),
        "learning rate": f"{optimisation.learning_rate:g}, {warmup} warm-up, then a cosine by the {optimisation.schedule}",
        "AdamW": f"betas {', '.join(f'{beta:g}' for beta in optimisation.betas)}, weight decay {optimisation.weight_decay:g}",
        "gradient clipping": "none" if optimisation.clip_norm is None else f"at a norm of {optimisation.clip_norm:g}",
        "augmentation": ", ".join(f"{name} {value:g}" for name, value in recipe.augmentation),
        "re-ranked images (k)": str(recipe.top_k),
    }


def _size(size: tuple[int, int]) -> str:
    return " x ".join(map(str, size))


def _layers(transformer: Transformer) -> str:
    return f"{transformer.depth} layers of width {transformer.width}"
