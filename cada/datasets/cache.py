"""Decoded images on the disk, decoded once: one file of uint8 pixels per split and size, mapped into memory.

All processes and all trainings share its pages, and what does not fit into memory stays on the disk. The name changes
with the images' content, as the manifest has it, and with what decodes them.
Legend: N images, H height, W width.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import PIL
import torch
from torch import Tensor

from cada.datasets.images import decode_images
from cada.datasets.loading import Split
from cada.recipes.code import fingerprint
from cada.storage.cache import Cache
from cada.storage.files import reserve

DECODER = "cada.datasets.images"


def open_images(split: Split, size: tuple[int, int], *, content: str, cache: Cache, threads: int) -> Tensor:
    """The split's images, resized to `size`, as uint8 (N, 3, H, W) backed by a file of `cache`.

    `content` is the digest of the manifest, which lists every image's own.
    """
    shape = (len(split.image_paths), 3, *size)
    needed = int(np.prod(shape, dtype=np.int64))

    def decode(partial: Path) -> None:
        if needed > 1e9:
            print(f"decoding {shape[0]} images once ({needed / 1e9:.1f} GB under {cache.root})", file=sys.stderr)
        images = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        reserve(partial)
        decode_images(split.image_paths, images, threads=threads)
        images.flush()

    key = hashlib.sha256("\n".join([content, *split.image_names, PIL.__version__, fingerprint(DECODER)]).encode())
    name = f"images/{key.hexdigest()[:32]}-{size[0]}x{size[1]}.npy"
    images = cache.read(name, needed, decode, lambda path: np.load(path, mmap_mode="c"))
    return torch.from_numpy(images)  # copy on write: the file cannot be changed by accident
