"""From files to a training batch on one core: decoded once and augmented as tensors, or both in every epoch by Pillow, as published."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from benchmarks.inputs import Sizes
from benchmarks.measuring import Results, alternate, rates
from cada.datasets.images import ERASE_ATTEMPTS, ERASE_RATIO, ERASE_SCALE, MEAN, STD, augment, decode_images, draw_changes, load_image

FILE = (384, 128)  # height and width of an image, as in MSMT17
PAD, FLIP, ERASE = 10, 0.5, 0.5
ROUNDS = 9  # of fractions of a second


def write_images(folder: Path, count: int) -> list[Path]:
    """JPEGs of coarse blots with fine noise, which compress about as photographs do."""
    draw, paths = np.random.default_rng(0), []
    for number in range(count):
        blots = Image.fromarray(draw.integers(0, 256, (24, 8, 3), dtype=np.uint8)).resize((FILE[1], FILE[0]), Image.Resampling.BICUBIC)
        noise = draw.normal(0, 6, (*FILE, 3))
        paths.append(folder / f"{number}.jpg")
        Image.fromarray((np.asarray(blots) + noise).clip(0, 255).astype(np.uint8)).save(paths[-1], quality=90)
    return paths


def published_image(path: Path, size: tuple[int, int], draw: random.Random) -> Tensor:
    """One file to one normalised image (3, H, W): decoded in every epoch, then changed step by step (method section 4)."""
    height, width = size
    with Image.open(path) as file:
        resized = file.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    if draw.random() < FLIP:
        resized = ImageOps.mirror(resized)
    left, top = draw.randint(0, 2 * PAD), draw.randint(0, 2 * PAD)
    padded = ImageOps.expand(resized, PAD).crop((left, top, left + width, top + height))
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    image = (torch.from_numpy(np.asarray(padded).copy()).permute(2, 0, 1).contiguous().float() / 255 - mean) / std
    if draw.random() < ERASE:
        for _ in range(ERASE_ATTEMPTS):
            area, ratio = draw.uniform(*ERASE_SCALE) * height * width, np.exp(draw.uniform(*np.log(ERASE_RATIO)))
            high, wide = round(float(np.sqrt(area * ratio))), round(float(np.sqrt(area / ratio)))
            if high < height and wide < width:
                row, column = draw.randint(0, height - high), draw.randint(0, width - wide)
                image[:, row : row + high, column : column + wide] = mean
                break
    return image


def loading(sizes: Sizes) -> Results:
    """Images per second on one core: decoded and resized, augmented, and both in the published way."""
    size, threads = sizes.retrieval.image_size, torch.get_num_threads()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        paths = write_images(Path(folder), sizes.files)
        cached = torch.empty(len(paths), 3, *size, dtype=torch.uint8)
        decode_images(paths, cached.numpy(), threads=1)

        def batch() -> None:
            generator = torch.Generator().manual_seed(0)
            augment(cached, draw_changes(len(cached), size, flip=FLIP, pad=PAD, erase=ERASE, generator=generator))

        def naive() -> None:
            draw = random.Random(0)
            torch.stack([published_image(path, size, draw) for path in paths])

        def decode() -> None:
            for path in paths:
                load_image(path, size)

        batch()
        ways = {"naive_loading": naive, "decode": decode, "augment": batch}
        timings = alternate(ways, rounds=ROUNDS, device=torch.device("cpu"))
    torch.set_num_threads(threads)
    found: Results = {}
    for way, timing in timings.items():
        found |= {key: value for key, value in rates(f"{way}_per_core", "images", sizes.files, timing).items() if "memory" not in key}
    found["loading_ratio"] = timings["naive_loading"].median() / timings["augment"].median()
    return found
