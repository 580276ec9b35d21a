"""Decoded pictures on the disk, decoded once: one file of uint8 pixels per split and size, mapped into memory.

All processes and all trainings share its pages, and what does not fit into memory stays on the disk. The name changes
with the pictures' content, as the manifest has it; files of another content are removed when a new one is made.
Legend: N pictures, H height, W width.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from cada.data.images import decode_images
from cada.data.loading import Split
from cada.files import atomic, reserve


def open_images(split: Split, size: tuple[int, int], *, content: str, folder: Path, threads: int) -> Tensor:
    """The split's pictures, resized to `size`, as uint8 (N, 3, H, W) backed by a file under `folder`.

    `content` is the digest of the manifest, which lists every picture's own. Processes that want the same file wait for
    the first to make it.
    """
    names = hashlib.sha256("\n".join(split.image_names).encode()).hexdigest()[:16]
    path = folder / content[:16] / f"{names}-{size[0]}x{size[1]}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            _remove_others(folder, path.parent)
            _decode(split, size, path, threads=threads)
    return torch.from_numpy(np.load(path, mmap_mode="c"))  # copy on write: the file cannot be changed by accident


def _decode(split: Split, size: tuple[int, int], path: Path, *, threads: int) -> None:
    shape = (len(split.image_paths), 3, *size)
    needed = int(np.prod(shape, dtype=np.int64))
    if needed > 1e9:
        print(f"{path}: decoding {shape[0]} pictures once ({needed / 1e9:.1f} GB)", file=sys.stderr)
    with atomic(path) as partial:
        images = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        reserve(partial)
        decode_images(split.image_paths, images, threads=threads)
        images.flush()


def _remove_others(folder: Path, kept: Path) -> None:
    """Pictures of another content: a process that still reads them keeps its pages."""
    for other in folder.iterdir():
        if other != kept and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
