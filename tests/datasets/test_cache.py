"""Images decoded once: the same pixels, shared, and never of an older content."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError

from cada.datasets import cache
from cada.datasets.cache import open_images
from cada.datasets.images import load_image
from cada.datasets.loading import Split
from cada.storage.cache import Cache
from tests.messages import refused

SIZE = (6, 4)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    paths = tuple(tmp_path / f"{number}.png" for number in range(5))
    for number, path in enumerate(paths):
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (12, 8, 3), dtype=np.uint8)).save(path)
    nobody = np.zeros(0, dtype=np.int64)
    return Split(paths, tuple(path.name for path in paths), np.arange(5), (), nobody, nobody)


def pixels(split: Split) -> torch.Tensor:
    return torch.stack([torch.tensor(load_image(path, SIZE)).permute(2, 0, 1) for path in split.image_paths])


def test_images_are_decoded_once(split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Cache(tmp_path / "cache", 1e6)
    first = open_images(split, SIZE, content="a" * 64, cache=kept, threads=2)
    assert first.dtype == torch.uint8 and torch.equal(first, pixels(split))
    monkeypatch.setattr(cache, "decode_images", None)
    assert torch.equal(open_images(split, SIZE, content="a" * 64, cache=kept, threads=2), first)


def test_another_content_is_decoded_anew(split: Split, tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache", 1e6)
    old = open_images(split, SIZE, content="a" * 64, cache=kept, threads=1)
    before = old.clone()
    Image.new("RGB", (8, 12), "red").save(split.image_paths[0])
    new = open_images(split, SIZE, content="b" * 64, cache=kept, threads=1)
    assert torch.equal(new, pixels(split)) and not torch.equal(new, before)
    assert torch.equal(old, before)


def test_whoever_reads_images_that_make_room_for_others_keeps_them(split: Split, tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache", 600)  # 360 bytes of pixels and 128 of header a file
    old = open_images(split, SIZE, content="a" * 64, cache=kept, threads=1)
    open_images(split, SIZE, content="b" * 64, cache=kept, threads=1)
    assert len(list(kept.root.rglob("*.npy"))) == 1
    assert torch.equal(old, pixels(split))


def test_other_code_decodes_anew(split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Cache(tmp_path / "cache", 1e6)
    open_images(split, SIZE, content="a" * 64, cache=kept, threads=1)
    monkeypatch.setattr(cache, "fingerprint", lambda module: f"other code of {module}")
    open_images(split, SIZE, content="a" * 64, cache=kept, threads=1)
    assert len(list(kept.root.rglob("*.npy"))) == 2


def test_what_a_reader_writes_stays_with_it(split: Split, tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache", 1e6)
    open_images(split, SIZE, content="a" * 64, cache=kept, threads=1).zero_()
    assert torch.equal(open_images(split, SIZE, content="a" * 64, cache=kept, threads=1), pixels(split))


def test_sizes_and_splits_have_files_of_their_own(split: Split, tmp_path: Path) -> None:
    kept = Cache(tmp_path / "cache", 1e6)
    open_images(split, SIZE, content="a" * 64, cache=kept, threads=1)
    assert open_images(split, (3, 2), content="a" * 64, cache=kept, threads=1).shape == (5, 3, 3, 2)
    assert len(list(kept.root.rglob("*.npy"))) == 2


def test_a_broken_image_leaves_no_half_file(split: Split, tmp_path: Path) -> None:
    split.image_paths[3].write_bytes(b"nothing")
    with refused(split.image_paths[3], cause=UnidentifiedImageError):
        open_images(split, SIZE, content="a" * 64, cache=Cache(tmp_path / "cache", 1e6), threads=2)
    assert list((tmp_path / "cache").rglob("*.npy*")) == []


def test_a_full_disk_is_an_error_and_no_crash(split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.posix_fallocate", full)
    with refused(tmp_path / "cache" / "images", ".npy", os.strerror(errno.ENOSPC)):
        open_images(split, SIZE, content="a" * 64, cache=Cache(tmp_path / "cache", 1e6), threads=1)
    assert list((tmp_path / "cache").rglob("*.npy*")) == []
