"""The contact sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cada.datasets.reading import read
from cada.datasets.sheet import contact_sheet
from tests.datasets.conftest import MakeSet
from tests.messages import refused


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg"])
def test_persons_in_rows(make_set: MakeSet, name: str) -> None:
    data, _ = make_set()
    records = read("cuhk_pedes", data.root)
    contact_sheet(data.root, records, Path(name), split="train")
    with Image.open(name) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    with Image.open(data.root / "imgs/train/1.jpg") as image:
        expected = np.asarray(image.resize((96, 192), Image.Resampling.BICUBIC)).astype(int)
    shown = pixels[22 : 22 + 192, 210 : 210 + 96]
    assert np.abs(shown - expected).mean() < 16
    assert (pixels[22 + 192 :, 10:190] < 90).any(), "no caption under the first image"


def test_unknown_split(make_set: MakeSet) -> None:
    data, _ = make_set()
    with refused(data.root, "'dev'", "train, val, test"):
        contact_sheet(data.root, read("cuhk_pedes", data.root), Path("sheet.png"), split="dev")


def test_unknown_format(make_set: MakeSet) -> None:
    data, _ = make_set()
    with refused("sheet.pdf", ".png", ".jpg"):
        contact_sheet(data.root, read("cuhk_pedes", data.root), Path("sheet.pdf"))
