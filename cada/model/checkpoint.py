"""Weights in files from outside: read without running anything that is in them."""

from __future__ import annotations

import pickle
import re
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
DAMAGED = (pickle.UnpicklingError, RuntimeError, EOFError, struct.error, IndexError, KeyError, ValueError)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file or of PyTorch's format, bare or under `model`; mapped, not read, where possible.

    Errors: `CadaError` for a damaged file, for one that is no checkpoint, and for a pickle that would run code.
    """
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file.")
    _refuse_text(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CadaError(f"{path}: it holds no weights: expected tensors by name, or a dictionary with such a `model`.")
    if strange := [str(name) for name, value in state.items() if not _is_plain(value)]:
        raise CadaError(f"{path}: {strange[0]} is no plain array of numbers (sparse, quantised, or a view of fewer). Save it as one.")
    return state


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor has all its numbers in the file: one number may be viewed as terabytes, which any copy would need."""
    whole = value.layout is torch.strided and not value.is_quantized and value.device.type == "cpu"
    return whole and value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _refuse_text(path: Path) -> None:
    """A page that says why a download failed, or a Git LFS pointer; all formats of weights have control characters at once."""
    with path.open("rb") as file:
        start = file.read(64)
    if start and not any(byte < 32 and byte not in b"\t\n\r" for byte in start):
        line = start.decode(errors="replace").strip().partition("\n")[0]
        raise CadaError(f"{path}: text ({line} ...) and no weights: a web page or a Git LFS pointer, perhaps. Fetch the file itself.")


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
        if refused := re.search(r"GLOBAL (\S+) (?:was not an allowed|whose module)", str(error)):
            raise CadaError(
                f"{path}: it holds {refused[1]}, which could run code when it is read and is refused. "
                "Check that it is the right file; if you trust it, save its tensors alone, as safetensors."
            ) from error
        raise CadaError(f"{path}: not a checkpoint of plain tensors. Check that it is the right file, or fetch it again.") from error
    except DAMAGED as error:
        raise CadaError(f"{path}: not a whole checkpoint ({type(error).__name__}). Fetch it again.") from error
