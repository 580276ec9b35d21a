"""Weights from outside as weights of this model, with an account of every tensor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cada.config import Architecture
from cada.model.blip import BlipSizes, is_transformers, published_name
from cada.model.cada import Cada
from cada.model.encoders import initial_deviation
from cada.model.folder import check_weights, count_parameters
from cada.model.names import parameters_of
from cada.model.positions import grid_of, resize_positions
from cada.model.published import TIED, pieces, without_use
from cada.model.sizes import architecture_of
from cada.model.tokenizer import EXTRA_TOKENS, Tokenizer

SEED = 0  # of the weights that no file has
POSITIONS = "image_encoder.position_embeddings"
_DECODER = "attribute_decoder.bert.bert."  # the part of the same shape as the text encoder


@dataclass(frozen=True)
class Imported:
    """A whole model's weights, by the names of our files, and where each comes from."""

    weights: dict[str, Tensor]
    architecture: Architecture
    tokenizer: Tokenizer
    origins: dict[str, str]  # our name: the key in the file
    made: dict[str, str]  # our name: how it was made
    ignored: dict[str, str]  # the key in the file: why
    notes: list[str]

    def summary(self) -> list[str]:
        """One line per part of the model, one per kind of entry that was left out, and what was assumed."""
        lines = []
        for part in dict.fromkeys(_part(name) for name in self.weights):
            names = [name for name in self.weights if _part(name) == part]
            sources = Counter(_part(self.origins[name]) for name in names if name in self.origins)
            made = Counter(self.made[name] for name in names if name in self.made)
            found = [f"{count} of {len(names)} from {top}.*" for top, count in sources.items()]
            found += [f"{count} {how}" for how, count in made.items()]
            lines.append(f"{part:18} {'; '.join(found)}")
        lines += [f"left out: {count} {reason}" for reason, count in Counter(self.ignored.values()).items()]
        lines += [f"note: {note}" for note in self.notes]
        return [*lines, f"{count_parameters(self.weights):,} parameters"]

    def listing(self) -> str:
        """Every weight with its source, then every entry of the file that was left out, then the notes."""
        rows = [f"{name}  <-  {self.origins.get(name) or self.made[name]}" for name in self.weights]
        rows += [f"left out: {key}  ({reason})" for key, reason in self.ignored.items()]
        rows += [f"note: {note}" for note in self.notes]
        return "\n".join(rows) + "\n"


def import_state(
    stored: Mapping[str, Tensor],
    entries: Sequence[str],
    *,
    config: BlipSizes | None = None,
    heads: tuple[int, int] | None = None,
    image_size: tuple[int, int] | None = None,
) -> Imported:
    """Weights under the published names, or under those of transformers' BLIP, as a model of image size `image_size`.

    `entries` is the vocabulary that the weights were trained with. `heads` (image, text) goes before the configuration's. All
    weights become float32 copies. Errors: `ValueError` names every key that is not explained and every parameter that has no
    source, or what does not fit together.
    """
    # DataParallel and DistributedDataParallel put `module.` before every name
    keys = {published_name(key) if is_transformers(stored) else key.removeprefix("module."): key for key in stored}
    state = {name: stored[key] for name, key in keys.items()}
    _require_text_encoder(state)
    given, sizes = (config.heads, config.image_size) if config else (None, None)
    architecture, words = architecture_of(state, heads=heads or given, image_size=sizes, otherwise=image_size)
    tokenizer = Tokenizer(entries, architecture.max_tokens)
    if tokenizer.size != words:
        raise ValueError(
            f"the weights have embeddings of {words} tokens, but the vocabulary's {len(entries)} entries, {' and '.join(EXTRA_TOKENS)} "
            f"are {tokenizer.size} tokens. Name the vocabulary that these weights were trained with."
        )
    with torch.device("meta"):
        model = Cada(architecture, tokenizer)
    useless = without_use(state)
    weights, origins = _translated({name: value for name, value in state.items() if name not in useless}, model, keys)
    made = _add_missing(weights, model)
    check_weights(model, weights)
    notes = _notes(architecture, config, heads)
    notes += [f"{keys[last]} is taken; {keys[first]}, tied to it, differs" for first, last in TIED.items() if _differ(state, first, last)]
    if image_size and image_size != architecture.image_size:
        notes.append(f"position embeddings resized from images of {_by(architecture.image_size)} to {_by(image_size)}")
        weights, architecture = resized(weights, architecture, image_size=image_size)
    ordered = {name: weights[name] for name in parameters_of(model)}
    if strange := [name for name, value in ordered.items() if not value.isfinite().all()]:
        raise ValueError(f"{origins.get(strange[0], strange[0])} holds a weight that is no finite number. Take an earlier checkpoint.")
    return Imported(ordered, architecture, tokenizer, origins, made, {keys[name]: reason for name, reason in useless.items()}, notes)


def _translated(state: Mapping[str, Tensor], model: Cada, keys: Mapping[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights by our names, and the key in the file of each; `ValueError` names the keys that are not explained."""
    weights: dict[str, Tensor] = {}
    origins: dict[str, str] = {}
    known, unexplained = parameters_of(model), []
    for name, value in state.items():
        found = pieces(name, value)
        weights |= {ours: piece.to(torch.float32, copy=True).contiguous() for ours, piece in found.items()}
        origins |= dict.fromkeys(found, keys[name])
        unexplained += [] if found and found.keys() <= known.keys() else [keys[name]]
    if unexplained:
        more = f" and {len(unexplained) - 5} more" if len(unexplained) > 5 else ""
        listed = ", ".join(sorted(unexplained)[:5]) + more
        raise ValueError(f"{listed}: not of a model of this kind. Check that it is the right file.")
    return weights, origins


def resized(
    weights: Mapping[str, Tensor], architecture: Architecture, *, image_size: tuple[int, int]
) -> tuple[dict[str, Tensor], Architecture]:
    """The same model for images of another size (height, width). Errors: `ValueError` where patches do not tile it."""
    patch = architecture.patch_size
    if image_size[0] % patch[0] or image_size[1] % patch[1]:
        raise ValueError(f"image size: patches of {_by(patch)} do not tile an image of {_by(image_size)}.")
    positions = resize_positions(weights[POSITIONS], old=grid_of(architecture.image_size, patch), new=grid_of(image_size, patch))
    return {**weights, POSITIONS: positions.contiguous()}, architecture.model_copy(update={"image_size": image_size})


def _require_text_encoder(state: Mapping[str, Tensor]) -> None:
    if not any(name.startswith("text_encoder.") for name in state):
        found = ", ".join(f"{top}.*" for top in sorted({_part(name) for name in state}))
        captioning = ", as models for captions" if any(name.startswith("text_decoder.") for name in state) else ""
        raise ValueError(
            f"it has no text encoder (text_encoder.*), only {found}{captioning}. Retrieval cannot start without one: "
            "take a model for image-text retrieval, such as BLIP's model_base.pth or Salesforce/blip-itm-base-coco."
        )


def _add_missing(weights: dict[str, Tensor], model: Cada) -> dict[str, str]:
    """Add the parts that a file may lack, and only those; returns how each parameter was made."""
    generator = torch.Generator().manual_seed(SEED)
    made = {}
    begun = {_part(name) for name in weights}  # a part that is there must be whole
    for name, parameter in parameters_of(model).items():
        twin = name.replace(_DECODER, "text_encoder.bert.")
        if "token_type_embeddings" in name:
            weights[name], made[name] = torch.zeros(parameter.shape), "zero (no token types)"
        elif name in weights or _part(name) in begun or _part(name) not in ("attribute_decoder", "local_match_head"):
            continue
        elif not name.startswith(_DECODER):
            weights[name], made[name] = _new(name, parameter.shape, generator), f"new (random, seed {SEED})"
        elif twin in weights:
            weights[name], made[name] = weights[twin].clone(), "a copy of the text encoder"
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
    heads_note = f"{architecture.vision.heads} heads in the image encoder, {architecture.text.heads} in the text encoder ({why})"
    return [heads_note, *(config.notes if config else ())]


def _part(name: str) -> str:
    return name.partition(".")[0]


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
