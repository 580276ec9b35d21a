"""A model on the disk: a folder with model.safetensors, config.json and vocab.txt."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from cada.errors import CadaError, about
from cada.model.cada import Cada
from cada.model.names import parameters_of
from cada.model.tokenizer import Tokenizer
from cada.storage.files import atomic, digest, reading, write_json, writing
from cada.storage.paths import CONFIG, MODEL_FILES, VOCABULARY, WEIGHTS

if TYPE_CHECKING:
    from cada.config import Architecture


def weights_of(model: Cada) -> dict[str, Tensor]:
    """Copies of every parameter on the CPU, by the names of `cada.model.names`."""
    return {name: parameter.detach().to("cpu", copy=True) for name, parameter in parameters_of(model).items()}


def set_weights(model: Cada, weights: Mapping[str, Tensor]) -> None:
    """Copy `weights` into the model; every name and shape must agree, or `ValueError` names those that do not."""
    check_weights(model, weights)
    with torch.no_grad():
        for name, value in parameters_of(model).items():
            value.copy_(weights[name])


def check_weights(model: Cada, weights: Mapping[str, Tensor]) -> None:
    """`ValueError` names the weights that are missing, unknown or of another shape; the model may be on the meta device."""
    parameters = parameters_of(model)
    wrong = [f"{name} is missing" for name in parameters if name not in weights]
    wrong += [f"{name} is unknown" for name in weights if name not in parameters]
    wrong += [
        f"{name} has shape {tuple(weights[name].shape)}, not {tuple(value.shape)}"
        for name, value in parameters.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(f"these weights do not fit the model: {'; '.join(wrong[:5])}{more}.")


def save_model(
    folder: Path, weights: Mapping[str, Tensor], *, architecture: Architecture, vocabulary: Path, notes: Mapping[str, float] | None = None
) -> None:
    """Write the three files; the weights come last, so a folder with weights is whole. `notes` are in the weights' header."""
    header = {"notes": json.dumps(dict(notes))} if notes else None  # one entry: safetensors writes several in a random order
    write_json(folder / CONFIG, architecture.model_dump(mode="json"))
    with atomic(folder / VOCABULARY) as partial:
        shutil.copyfile(vocabulary, partial)
    with atomic(folder / WEIGHTS) as partial, writing(folder / WEIGHTS, SafetensorError):
        save_file({name: value.cpu().contiguous() for name, value in weights.items()}, partial, metadata=header)
        partial.chmod((folder / VOCABULARY).stat().st_mode)  # safetensors lets the owner alone read it


def count_parameters(weights: Mapping[str, Tensor]) -> int:
    """How many numbers a model has, without the token-type embeddings, which stay zero."""
    return sum(value.numel() for name, value in weights.items() if "token_type_embeddings" not in name)


def folder_digest(folder: Path) -> str:
    """SHA-256 of the digests of the three files, in a fixed order. Errors: `CadaError` names a missing file."""
    lines = []
    for name in MODEL_FILES:
        if not (folder / name).is_file():
            raise CadaError(f"{folder / name}: there is no such file. Make the folder with `cada weights import`.")
        lines.append(f"{digest(folder / name)}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_weights(folder: Path) -> dict[str, Tensor]:
    """The weights of a model folder in fp32, whatever they lie on the disk in. Errors: `CadaError` for a missing or damaged file."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file. Make it with `snakemake --cores 8 all`.")
    try:
        with reading(path), path.open("rb"):  # safetensors takes every refusal for a missing file
            return {name: value.float() for name, value in load_file(path).items()}
    except SafetensorError as error:
        raise CadaError(f"{path}: not a whole safetensors file ({error}). Delete it and make it again.") from error


def load_notes(folder: Path) -> dict[str, float]:
    """The `notes` that `save_model` was given."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        notes: dict[str, float] = json.loads((file.metadata() or {}).get("notes", "{}"))
    return notes


def load_model(folder: Path | str) -> Cada:
    """The model of a folder, in evaluation mode on the CPU. Errors: `CadaError` for a missing, damaged or wrong file."""
    from cada.config import Architecture, load  # pydantic's, which only a file needs

    folder = Path(folder)
    weights = load_weights(folder)
    architecture = load(folder / CONFIG, Architecture)  # JSON is YAML
    model = Cada(architecture, Tokenizer.read(folder / VOCABULARY, architecture.max_tokens))
    with about(f"{folder / WEIGHTS}, {CONFIG} and {VOCABULARY}"):  # any of them may be the wrong one
        set_weights(model, weights)
    return model.eval()
