"""Images to tensors: every kind of file, messages for broken ones, and augmentation by plain loops."""

from __future__ import annotations

import errno
import math
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError

import cada
from cada.datasets.decoding import FORMATS
from cada.datasets.images import MEAN, STD, augment, decode_images, draw_changes, load_image, normalise
from cada.errors import CadaError
from tests.messages import carries, refused

HEIGHT, WIDTH = 12, 7
RAMP = (np.arange(HEIGHT * WIDTH, dtype=np.uint16) * 3).reshape(HEIGHT, WIDTH)  # 0 to 249
COLOURS = np.stack([RAMP, 255 - RAMP, RAMP // 2], axis=2).astype(np.uint8)
GREY = np.stack([RAMP] * 3, axis=2).astype(np.uint8)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Image.Image, str], Path]:
    def save(image: Image.Image, name: str) -> Path:
        image.save(tmp_path / name)
        return tmp_path / name

    return save


def palette() -> Image.Image:
    image = Image.fromarray((RAMP % 2).astype(np.uint8), "P")
    image.putpalette([200, 10, 20, 30, 40, 250])
    return image


KINDS = {
    "colour": (Image.fromarray(COLOURS), COLOURS),
    "grey": (Image.fromarray(GREY[..., 0]), GREY),
    "grey with alpha": (Image.fromarray(GREY[..., 0]).convert("LA"), GREY),
    "colour on nothing": (
        Image.fromarray(np.dstack([COLOURS, 255 * (RAMP % 2).astype(np.uint8)])),
        np.where(RAMP[..., None] % 2, COLOURS, 255),
    ),
    "palette": (palette(), np.where(RAMP[..., None] % 2, [30, 40, 250], [200, 10, 20])),
    "black and white": (Image.fromarray(RAMP > 100), np.stack([255 * (RAMP > 100)] * 3, axis=2)),
    "16 bits": (Image.fromarray(RAMP * 257), GREY),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_becomes_rgb(kind: str, saved: Callable[[Image.Image, str], Path]) -> None:
    image, expected = KINDS[kind]
    loaded = load_image(saved(image, "image.png"), (HEIGHT, WIDTH))
    assert loaded.dtype == np.uint8
    assert np.array_equal(loaded, expected)


def test_16_bits_of_a_big_endian_file(saved: Callable[[Image.Image, str], Path]) -> None:
    image = Image.frombytes("I;16B", (WIDTH, HEIGHT), (RAMP * 257).astype(">u2").tobytes())
    assert np.array_equal(load_image(saved(image, "image.tif"), (HEIGHT, WIDTH)), GREY)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_32_bits_are_refused(kind: type, saved: Callable[[Image.Image, str], Path]) -> None:
    path = saved(Image.fromarray(RAMP.astype(kind)), "image.tif")
    with refused(path, "32 bits"):
        load_image(path, (HEIGHT, WIDTH))


def test_resizing_is_bilinear_over_the_area(saved: Callable[[Image.Image, str], Path]) -> None:
    """A pixel of half the size weighs its neighbours by a triangle two old pixels to each side."""
    path = saved(Image.fromarray(COLOURS), "image.png")
    expected = np.zeros((HEIGHT // 2, WIDTH, 3))
    for row in range(HEIGHT // 2):
        weights = {old: 1 - abs(old + 0.5 - 2 * (row + 0.5)) / 2 for old in range(HEIGHT) if abs(old + 0.5 - 2 * (row + 0.5)) < 2}
        for old, weight in weights.items():
            expected[row] += COLOURS[old] * weight / sum(weights.values())
    assert np.abs(load_image(path, (HEIGHT // 2, WIDTH)) - expected).max() <= 0.51


def test_images_keep_their_order(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (9, 3), dtype=np.uint8)
    paths = [tmp_path / f"{number}.png" for number in range(9)]
    for path, colour in zip(paths, colours, strict=True):
        Image.new("RGB", (5, 9), tuple(colour.tolist())).save(path)
    images = np.zeros((9, 3, 4, 2), dtype=np.uint8)
    decode_images(paths, images, threads=3)
    assert (images == colours[:, :, None, None]).all()


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with refused(tmp_path / "nobody.png", "`cada data prepare`", cause=FileNotFoundError):
        decode_images([tmp_path / "nobody.png"], np.zeros((1, 3, 4, 2), dtype=np.uint8), threads=1)


def test_a_image_that_may_not_be_read_is_not_called_broken(tmp_path: Path) -> None:
    (tmp_path / "image.png").symlink_to("image.png")
    with refused(tmp_path / "image.png", os.strerror(errno.ELOOP)):
        load_image(tmp_path / "image.png", (4, 2))


@pytest.mark.parametrize("form", ["png", "jpg"])
def test_a_truncated_image_is_named(form: str, saved: Callable[[Image.Image, str], Path]) -> None:
    path = saved(Image.fromarray(COLOURS), f"image.{form}")
    path.write_bytes(path.read_bytes()[:-40])
    with refused(path, "`cada data prepare`", cause=ValueError):
        load_image(path, (4, 2))


def test_damage_at_any_byte_is_named_or_harmless(saved: Callable[[Image.Image, str], Path]) -> None:
    path = saved(Image.fromarray(COLOURS), "image.png")
    content, named = path.read_bytes(), 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        try:
            load_image(path, (4, 2))
        except CadaError as error:
            assert carries(str(error), path) and isinstance(error.__cause__, ValueError)
            named += 1
    assert named > len(content) / 2


def test_a_lost_byte_between_two_chunks_is_named(saved: Callable[[Image.Image, str], Path]) -> None:
    path = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)), "image.png")
    content = path.read_bytes()
    second = content.index(b"IDAT", content.index(b"IDAT") + 1)
    path.write_bytes(content[: second - 4] + content[second - 3 :])
    with refused(path, "broken PNG file"):
        load_image(path, (4, 2))


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_text("a page that says: log in first")
    with refused(tmp_path / "image.png", cause=UnidentifiedImageError):
        load_image(tmp_path / "image.png", (4, 2))


@pytest.mark.parametrize("form", FORMATS)
def test_a_image_is_of_these_formats(form: str, tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "image", form)
    assert load_image(tmp_path / "image", (HEIGHT, WIDTH)).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("form", ["EPS", "GIF", "ICO", "PCX", "PPM", "TGA"])
def test_a_image_of_another_format_is_refused_with_those_that_are_read(form: str, tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "image.jpg", form)
    with refused(tmp_path / "image.jpg", *FORMATS, cause=UnidentifiedImageError):
        load_image(tmp_path / "image.jpg", (HEIGHT, WIDTH))


def test_no_image_starts_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow gives PostScript to Ghostscript."""
    Image.fromarray(COLOURS).save(tmp_path / "image.eps")
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **_: pytest.fail(f"{words} was started"))
    with refused(tmp_path / "image.eps", cause=UnidentifiedImageError):
        load_image(tmp_path / "image.eps", (HEIGHT, WIDTH))


def test_only_the_formats_that_are_meant_are_opened() -> None:
    """Pillow reads fifty more, and gives some to programs of the machine."""
    package = Path(cada.__file__).parent
    opened = [line for path in package.rglob("*.py") for line in re.findall(r"Image\.open\(.*", path.read_text(encoding="utf-8"))]
    assert opened
    assert [line for line in opened if "formats=FORMATS" not in line] == []


# --- normalisation and augmentation -------------------------------------------------------------------------------

OFF = {"flip": 0.0, "pad": 0, "erase": 0.0}


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def augmented(images: torch.Tensor, *, generator: torch.Generator, **how: Any) -> torch.Tensor:
    height, width = images.shape[2:]
    return augment(images, draw_changes(len(images), (height, width), **how, generator=generator))


def noise(count: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=draw(seed))


def test_normalise_by_hand() -> None:
    images = noise(2, 3, 4)
    found = normalise(images)
    assert found.dtype == torch.float32
    for image in range(2):
        for channel in range(3):
            for row in range(3):
                for column in range(4):
                    value = (int(images[image, channel, row, column]) / 255 - MEAN[channel]) / STD[channel]
                    assert float(found[image, channel, row, column]) == pytest.approx(value, abs=1e-6)


def test_without_changes_augmentation_is_normalisation() -> None:
    images = noise(4, 6, 5)
    assert torch.equal(augmented(images, **OFF, generator=draw()), normalise(images))


def test_flips_are_mirror_images_at_their_rate() -> None:
    images = noise(2000, 2, 3)
    changed = augmented(images, **OFF | {"flip": 0.3}, generator=draw())
    plain, mirrored = normalise(images), normalise(images[..., [2, 1, 0]])
    flipped = [not torch.equal(*pair) for pair in zip(changed, plain, strict=True)]
    assert all(torch.equal(changed[row], mirrored[row]) for row in range(2000) if flipped[row])
    assert sum(flipped) / 2000 == pytest.approx(0.3, abs=0.03)  # three standard deviations
    assert torch.equal(augmented(images, **OFF | {"flip": 1.0}, generator=draw()), mirrored)


def test_crops_are_shifts_with_black_beside_the_image() -> None:
    height, width, pad, count = 5, 4, 2, 400
    images = noise(count, height, width)
    changed = augmented(images, **OFF | {"pad": pad}, generator=draw())
    seen = set()
    for image, found in zip(images, changed, strict=True):
        shifts = []
        for down in range(-pad, pad + 1):
            for right in range(-pad, pad + 1):
                expected = torch.zeros_like(image)
                for row in range(height):
                    for column in range(width):
                        if 0 <= row + down < height and 0 <= column + right < width:
                            expected[:, row, column] = image[:, row + down, column + right]
                shifts += [(down, right)] if torch.equal(found, normalise(expected[None])[0]) else []
        assert len(shifts) == 1
        seen.update(shifts)
    assert len(seen) == (2 * pad + 1) ** 2


@pytest.mark.parametrize(("height", "width"), [(48, 24), (24, 48)])
def test_erased_rectangles_have_the_published_sizes_and_fill(height: int, width: int) -> None:
    count = 600
    images = torch.full((count, 3, height, width), 255, dtype=torch.uint8)
    changed = augmented(images, **OFF | {"erase": 0.6}, generator=draw())
    plain = normalise(images[:1])[0]
    erased, touched = 0, {"top": False, "bottom": False, "left": False, "right": False}
    for found in changed:
        rows, columns = np.nonzero((found != plain).any(dim=0).numpy())
        if not len(rows):
            assert torch.equal(found, plain)
            continue
        erased += 1
        top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        high, wide = int(bottom - top), int(right - left)
        assert len(rows) == high * wide, "not a rectangle"
        assert high < height and wide < width
        assert torch.equal(found[:, top:bottom, left:right], torch.tensor(MEAN)[:, None, None].expand(3, high, wide))
        # each side was rounded by at most a half
        assert (high - 0.5) * (wide - 0.5) <= 0.4 * height * width
        assert (high + 0.5) * (wide + 0.5) >= 0.02 * height * width
        assert (high + 0.5) / (wide - 0.5) >= 0.3 and (high - 0.5) / (wide + 0.5) <= 3.3
        for side, reached in (("top", top == 0), ("bottom", bottom == height), ("left", left == 0), ("right", right == width)):
            touched[side] |= bool(reached)
    assert erased / count == pytest.approx(0.6, abs=3 * math.sqrt(0.6 * 0.4 / count))
    assert all(touched.values())


def test_the_generator_decides_everything() -> None:
    images = noise(8, 12, 8)
    before = images.clone()
    everything = {"flip": 0.5, "pad": 2, "erase": 0.5}
    torch.manual_seed(1)
    first = augmented(images, **everything, generator=draw(5))
    torch.manual_seed(2)
    assert torch.equal(augmented(images, **everything, generator=draw(5)), first)
    assert not torch.equal(augmented(images, **everything, generator=draw(6)), first)
    assert torch.equal(images, before)


def test_a_part_of_a_batch_is_changed_as_in_the_whole() -> None:
    """Each of several processes augments its own images with what was drawn for all."""
    images = noise(7, 12, 8)
    changes = draw_changes(7, (12, 8), flip=0.5, pad=2, erase=0.5, generator=draw())
    whole = augment(images, changes)
    parts = [augment(images[rows], changes.take(rows)) for rows in (slice(0, 3), slice(3, 7))]
    assert torch.equal(torch.cat(parts), whole)
