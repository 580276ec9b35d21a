"""Weights in files from outside: read without running anything that is in them."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cada.errors import CadaError

# what torch's reader raises in the middle of a file that is cut off or is something else
_DAMAGED = (RuntimeError, EOFError, struct.error, IndexError, KeyError, ValueError)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file or of PyTorch's format, bare or under `model`; mapped, not read, where possible.

    Errors: `CadaError` for a damaged file, for one that is no checkpoint, and for a pickle that would run code.
    """
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file.")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CadaError(f"{path}: it holds no weights: expected tensors by name, or a dictionary with such a `model`.")
    return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CadaError(f"{path}: not a whole safetensors file ({error}). Fetch it again.") from error


def _read_pickle(path: Path) -> Any:
    mapped = zipfile.is_zipfile(path)  # the format before PyTorch 1.6 is no archive and cannot be mapped
    with path.open("rb") as file:
        if file.read(2) == b"PK" and not mapped:
            raise CadaError(f"{path}: the file is cut off. Fetch it again.")
    try:
        return torch.load(path, weights_only=True, map_location="cpu", mmap=mapped)
    except pickle.UnpicklingError as error:
        reason = str(error).split("\n")[0]
        raise CadaError(
            f"{path}: not a checkpoint of plain tensors, or one that would run code when it is read, which is refused ({reason}). "
            "Check that it is the right file; if you trust it, save its tensors alone, as safetensors."
        ) from error
    except _DAMAGED as error:
        raise CadaError(f"{path}: not a whole checkpoint ({type(error).__name__}). Fetch it again.") from error
