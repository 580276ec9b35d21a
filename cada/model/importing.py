"""Weights from outside as weights of this model, with an account of every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from cada.config import Architecture
from cada.errors import CadaError
from cada.model.blip import BlipSizes, is_transformers, published_name
from cada.model.cada import Cada, build
from cada.model.encoders import initial_deviation
from cada.model.folder import check_weights
from cada.model.names import parameters_of
from cada.model.positions import grid_of, resize_positions
from cada.model.published import TIED, pieces, token_types, translate, without_use
from cada.model.sizes import architecture_of

SEED = 0  # of the weights that no file has
POSITIONS = "image_encoder.position_embeddings"
_DECODER = "attribute_decoder.bert.bert."  # the part of the same shape as the text encoder


@dataclass(frozen=True)
class Imported:
    """A whole model's weights, by the names of our files, and where each comes from."""

    weights: dict[str, Tensor]
    architecture: Architecture
    words: int  # rows of the word embeddings: the vocabulary's entries, [DEC] and [ENC]
    origins: dict[str, str]  # our name: the key in the file
    made: dict[str, str]  # our name: how it was made
    ignored: dict[str, str]  # the key in the file: why
    notes: list[str]


def import_state(
    stored: Mapping[str, Tensor],
    *,
    source: str,
    config: BlipSizes | None,
    heads: tuple[int, int] | None,
    image_size: tuple[int, int] | None,
) -> Imported:
    """Weights under the published names, or under those of transformers' BLIP, as a model of image size `image_size`.

    `heads` (image, text) goes before the configuration's. All weights become float32 copies.
    Errors: `CadaError` names every key that is not explained and every parameter that has no source.
    """
    keys = {published_name(key): key for key in stored} if is_transformers(stored) else {key: key for key in stored}
    state = {name: stored[key] for name, key in keys.items()}
    _require_text_encoder(state, source)
    architecture, words = architecture_of(
        state,
        heads=heads or (config.heads if config else None),
        image_size=config.image_size if config else None,
        otherwise=image_size,
        source=source,
    )
    with torch.device("meta"):
        model = build(architecture, vocabulary=words)
    useless = without_use(state)
    weights, sources = _translated({name: value for name, value in state.items() if name not in useless}, model, keys, source)
    made = _add_missing(weights, model)
    check_weights(model, weights, source=source)
    notes = _notes(architecture, config, heads)
    notes += [f"{keys[last]} is taken; {keys[first]}, tied to it, differs" for first, last in TIED.items() if _differ(state, first, last)]
    if image_size and image_size != architecture.image_size:
        notes.append(f"position embeddings resized from images of {_by(architecture.image_size)} to {_by(image_size)}")
        weights, architecture = resized(weights, architecture, image_size=image_size, source=f"{source}: --image-size")
    ordered = {name: weights[name] for name in parameters_of(model)}
    return Imported(ordered, architecture, words, sources, made, {keys[name]: reason for name, reason in useless.items()}, notes)


def _translated(state: Mapping[str, Tensor], model: Cada, keys: Mapping[str, str], source: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights by our names, and the key in the file of each; `CadaError` names the keys that are not explained."""
    weights: dict[str, Tensor] = {}
    sources: dict[str, str] = {}
    for name, value in state.items():
        found = pieces(name, value)
        weights |= {ours: piece.to(torch.float32, copy=True).contiguous() for ours, piece in found.items()}
        sources |= dict.fromkeys(found, keys[name])
    unexplained = [keys[name] for name in state if not translate(name)]
    unexplained += [sources[name] for name in weights.keys() - parameters_of(model).keys()]
    if unexplained:
        raise CadaError(f"{source}: {_listed(sorted(unexplained))}: not of a model of this kind. Check that it is the right file.")
    return weights, sources


def resized(
    weights: Mapping[str, Tensor], architecture: Architecture, *, image_size: tuple[int, int], source: str
) -> tuple[dict[str, Tensor], Architecture]:
    """The same model for images of another size (height, width). Errors: `CadaError` where patches do not tile it."""
    patch = architecture.patch_size
    if image_size[0] % patch[0] or image_size[1] % patch[1]:
        raise CadaError(f"{source}: patches of {_by(patch)} do not tile an image of {_by(image_size)}.")
    positions = resize_positions(weights[POSITIONS], old=grid_of(architecture.image_size, patch), new=grid_of(image_size, patch))
    return {**weights, POSITIONS: positions.contiguous()}, architecture.model_copy(update={"image_size": image_size})


def _require_text_encoder(state: Mapping[str, Tensor], source: str) -> None:
    if not any(name.startswith("text_encoder.") for name in state):
        found = ", ".join(f"{top}.*" for top in sorted({name.partition(".")[0] for name in state}))
        captioning = ", as models for captions" if any(name.startswith("text_decoder.") for name in state) else ""
        raise CadaError(
            f"{source}: it has no text encoder (text_encoder.*), only {found}{captioning}. Retrieval cannot start without one: "
            "take a model for image-text retrieval, such as BLIP's model_base.pth or Salesforce/blip-itm-base-coco."
        )


def _add_missing(weights: dict[str, Tensor], model: Cada) -> dict[str, str]:
    """Add the parts that a file may lack, and only those; returns how each parameter was made."""
    generator = torch.Generator().manual_seed(SEED)
    made = {}
    begun = {name.partition(".")[0] for name in weights}  # a part that is there must be whole
    for name, value in token_types(model).items():
        weights[name], made[name] = value, "zero (no token types)"
    for name, parameter in parameters_of(model).items():
        if name in weights or name.partition(".")[0] in begun or not name.startswith(("attribute_decoder.", "local_match_head.")):
            continue
        twin = name.replace(_DECODER, "text_encoder.bert.")
        if name.startswith(_DECODER) and twin in weights:
            weights[name], made[name] = weights[twin].clone(), "a copy of the text encoder"
        elif not name.startswith(_DECODER):
            weights[name], made[name] = _new(name, parameter.shape, generator), f"new (random, seed {SEED})"
    return made


def _new(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """As BERT starts: normal weights, zero biases, norms that change nothing."""
    if len(shape) == 2:
        return torch.empty(shape).normal_(0, initial_deviation(shape[1]), generator=generator)
    return torch.ones(shape) if name.endswith("LayerNorm.weight") else torch.zeros(shape)


def _differ(state: Mapping[str, Tensor], first: str, last: str) -> bool:
    return first in state and last in state and not torch.equal(state[first], state[last])


def _notes(architecture: Architecture, config: BlipSizes | None, heads: tuple[int, int] | None) -> list[str]:
    why = "as given" if heads else "from config.json" if config else "assumed: they are 64 wide"
    said = f"{architecture.vision.heads} heads in the image encoder, {architecture.text.heads} in the text encoder ({why})"
    return [said, *(config.notes if config else ())]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
