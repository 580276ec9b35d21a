"""The recipe of a run beside the published one: where the models start, how large they are, how they are trained and searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cada.config import Architecture, Augmentation, LossWeights, Optimisation, Transformer

PUBLISHED = {
    "start": "BLIP's weights (model_base.pth)",
    "pictures, height x width": "224 x 224, in patches of 16 x 16",
    "image encoder": "12 layers of width 768",
    "text encoder, attribute decoder": "12 layers of width 768 each",
    "dropout": "0.1",
    "weights of the losses": "global 1, ATP 1, ARA 0.1",
    "epochs": "30",
    "batch": "120",
    "learning rate": "1e-05, no warm-up, then a cosine by the epoch",
    "AdamW": "betas 0.9, 0.999, weight decay 0.05",
    "gradient clipping": "none",
    "augmentation": "flip 0.5, pad 10, erase 0.5",
    "pictures that are re-ranked (k)": "16",  # of the launch script; the yaml says 32
}
OF_DATASET = {
    "icfg_pedes": {"batch": "96", "pictures that are re-ranked (k)": "32"},
    "rstpreid": {"pictures that are re-ranked (k)": "128"},
}
STARTS = {"pretrain": "a small model, pre-trained on persons of this data set's own", "file": "the weights that initial.yaml names"}


@dataclass(frozen=True)
class Choice:
    """One part of the recipe: what is published, and what this run does."""

    what: str
    published: str
    here: str


def choices(
    dataset: str,
    *,
    start: Literal["pretrain", "file"],
    model: Architecture,
    weights: LossWeights,
    optimisation: Optimisation,
    augmentation: Augmentation,
    top_k: int,
) -> list[Choice]:
    """The parts that are not as published; drawn sets, which nobody published on, are compared with CUHK-PEDES' recipe."""
    warmup = f"{optimisation.warmup_steps} steps of" if optimisation.warmup_steps else "no"
    here = {
        "start": STARTS[start],
        "pictures, height x width": f"{_size(model.image_size)}, in patches of {_size(model.patch_size)}",
        "image encoder": _layers(model.vision),
        "text encoder, attribute decoder": f"{_layers(model.text)} each",
        "dropout": f"{model.dropout:g}",
        "weights of the losses": f"global {weights.global_:g}, ATP {weights.atp:g}, ARA {weights.ara:g}",
        "epochs": f"{optimisation.epochs:g}",
        "batch": str(optimisation.batch_size),
        "learning rate": f"{optimisation.learning_rate:g}, {warmup} warm-up, then a cosine by the {optimisation.schedule}",
        "AdamW": f"betas {', '.join(f'{beta:g}' for beta in optimisation.betas)}, weight decay {optimisation.weight_decay:g}",
        "gradient clipping": "none" if optimisation.clip_norm is None else f"at a norm of {optimisation.clip_norm:g}",
        "augmentation": ", ".join(f"{name} {value:g}" for name, value in augmentation),
        "pictures that are re-ranked (k)": str(top_k),
    }
    published = PUBLISHED | OF_DATASET.get(dataset, {})
    return [Choice(what, published[what], text) for what, text in here.items() if text != published[what]]


def _size(size: tuple[int, int]) -> str:
    return " x ".join(map(str, size))


def _layers(transformer: Transformer) -> str:
    return f"{transformer.depth} layers of width {transformer.width}"
