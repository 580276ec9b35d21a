"""Small sets of the three public formats, with made-up images."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cada.config import Data

NAMES = {"cuhk_pedes": "reid_raw.json", "icfg_pedes": "ICFG-PEDES.json", "rstpreid": "data_captions.json"}
MakeSet = Callable[..., tuple[Data, list[dict[str, Any]]]]


def write_annotation(data: Data, records: list[dict[str, Any]]) -> Path:
    path = data.root / NAMES[data.format]
    path.write_text(json.dumps(records))
    return path


@pytest.fixture
def make_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSet:
    """`make_set(format)` writes a set of four images to data/set of an empty folder, and gives its parameters and records."""
    monkeypatch.chdir(tmp_path)

    def make(form: str = "cuhk_pedes") -> tuple[Data, list[dict[str, Any]]]:
        data = Data(format=form, root=Path("data/set"))
        (data.root / "imgs" / "train").mkdir(parents=True)
        key = "img_path" if form == "rstpreid" else "file_path"
        records = []
        for number, split in enumerate(("train", "train", "val", "test")):
            name = f"train/{number}.jpg"
            pixels = random.Random(number).randbytes(20 * 10 * 3)
            Image.frombytes("RGB", (10, 20), pixels).save(data.root / "imgs" / name)
            records.append(
                {"id": max(0, number - 1), key: name, "captions": [f"A man in a red shirt, number {number}.", "He walks."], "split": split}
            )
        write_annotation(data, records)
        return data, records

    return make
