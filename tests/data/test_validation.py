"""Captions and pictures that cannot be used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from cada.data.records import Record
from cada.data.validation import check_captions, check_images
from cada.errors import CadaError


def record(*captions: str, image: str = "a.jpg") -> Record:
    return Record(image, 1, captions, "train")


def test_long_captions_are_cut_and_counted() -> None:
    assert check_captions([record("word " * 72), record("word " * 73, "word"), record("word " * 250)]) == 2


def test_caption_of_300_words() -> None:
    with pytest.raises(CadaError, match=r"b\.jpg \(train\): caption 1 has more than 250 words: 'many many.*Shorten"):
        check_captions([record("fine"), record("fine", "many " * 300, image="b.jpg")])


@pytest.mark.parametrize("caption", ["", "  \n", "...", '"!"'])
def test_caption_without_words(caption: str) -> None:
    with pytest.raises(CadaError, match=r"b\.jpg \(train\): caption 0 has no words"):
        check_captions([record(caption, image="b.jpg")])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "imgs").mkdir()
    for name in ("b.jpg", "a.jpg"):
        Image.effect_noise((30, 60), 50).convert("RGB").save(tmp_path / "imgs" / name)
    return tmp_path


def test_sizes_and_digests_in_alphabetical_order(images: Path) -> None:
    found = check_images(images, [record("x", image=name) for name in ("b.jpg", "a.jpg", "b.jpg")])
    data = {name: (images / "imgs" / name).read_bytes() for name in ("a.jpg", "b.jpg")}
    assert list(found.items()) == [(name, (len(text), hashlib.sha256(text).hexdigest())) for name, text in data.items()]


def test_missing_image(images: Path) -> None:
    with pytest.raises(CadaError, match=r"imgs/c\.jpg: the annotation names this image, but there is no such file.*--force"):
        check_images(images, [record("x", image="c.jpg")])


@pytest.mark.parametrize("kept", [0, 1, 20, 400, -100])
def test_truncated_image(images: Path, kept: int) -> None:
    path = images / "imgs" / "a.jpg"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CadaError, match=r"imgs/a\.jpg: not a whole image"):
        check_images(images, [record("x")])


def test_text_instead_of_an_image(images: Path) -> None:
    (images / "imgs" / "a.jpg").write_text("<html>not found</html>")
    with pytest.raises(CadaError, match=r"imgs/a\.jpg: not a whole image"):
        check_images(images, [record("x")])
