"""The drawn set: the same bytes on every machine, in CUHK-PEDES' layout."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cada.config import Persons, Synthesis
from cada.data.synthpedes.generate import GENERATOR, Task, draw, draw_set, tasks

SMALL = Synthesis(seed=2026, persons=Persons(pretrain=5, train=4, val=2, test=3), images_per_person=(3, 5), size=(96, 48))
PROJECT = Path(__file__).parents[3]
SPLITS = ("pretrain", "train", "val", "test")

# Whoever changes what is drawn or written on purpose raises GENERATOR, and takes over the new digests.
PIXELS = {
    "pretrain": "cbd2160841619b65b2e5deebb700f720e4ac7f437af55e7b21b40564a73c1c13",
    "train": "ad9d8ab023ae49dceda239b267362c64a14fbb7fcb807917b6f016ead7acfe34",
    "val": "acf75cd0fa266fd663aa00bee8f0ee1a026349a22b633743a0aa13c644f7b053",
    "test": "31a9fc135a17380d8d626e1b01e7324f1ee2dbb89c2b231d01dcf84f26ce78d7",
}
FILES = {
    "pretrain": "0a650af7fa999c3adbd9b9ff99b941e1fa0893bf9d70651deb1cb366ca38681e",
    "train": "7ecd72881eae1de403f73492dc3e33a96bcb625e4c6fcc2e7f4ed91c1a222fef",
    "val": "a4cb5a47c12e86062bb884ef8a000189b816d45de66ed047426f1ee5ec8ca7af",
    "test": "d6e6f2ef2488ae7d7741771c3c0ac858752db155511907cfb256f751b2f21cc1",
}
ANNOTATION = {
    "reid_raw.json": "e5462a9e1c4842c135f45684516bb5afaab1a082a6422e5d597569fe6f2f2fbe",
    "pretrain.json": "ed837144fc5ced0cfd460aa001e8d905075ac27cff016abc6e4b1d98a3cf8d52",
    "synthesis.json": "e01c380d486dc3deb31595e02d0d35332ea80fef3e6388616b5d4867709b9ae9",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "set"
    draw_set(folder, SMALL)
    return folder


def records(root: Path, name: str = "reid_raw.json") -> list[dict[str, Any]]:
    return json.loads((root / name).read_text())


def drawn(split: str) -> list[bytes]:
    return [draw(task, SMALL)[0] for task in tasks(SMALL, split)]


@pytest.mark.parametrize("split", SPLITS)
def test_digest_of_pixels_and_files(split: str) -> None:
    """Pixels as decoded, too: they differ where only the encoder has changed."""
    pixels, files = hashlib.sha256(), hashlib.sha256()
    for data in drawn(split):
        files.update(data)
        pixels.update(np.asarray(Image.open(io.BytesIO(data))).tobytes())
    assert (pixels.hexdigest(), files.hexdigest()) == (PIXELS[split], FILES[split])


def test_other_processors_draw_the_same() -> None:
    """Without the vector instructions of the JPEG encoder and of numpy."""
    code = """
import hashlib
from tests.data.synthpedes.test_generate import drawn
print(hashlib.sha256(b"".join(drawn("test"))).hexdigest())
"""
    plain = {"JSIMD_FORCENONE": "1", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=os.environ | plain, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == FILES["test"]


@pytest.mark.parametrize("name", sorted(ANNOTATION))
def test_digest_of_annotation(root: Path, name: str) -> None:
    assert hashlib.sha256((root / name).read_bytes()).hexdigest() == ANNOTATION[name]


def test_the_digests_belong_to_this_generator() -> None:
    assert GENERATOR == 1


def test_order_does_not_matter() -> None:
    todo = [task for split in SPLITS for task in tasks(SMALL, split)]
    in_order = {task.path: draw(task, SMALL) for task in todo}
    random.Random(0).shuffle(todo)
    assert {task.path: draw(task, SMALL) for task in todo} == in_order


def test_more_persons_leave_the_others_alone() -> None:
    more = SMALL.model_copy(update={"persons": Persons(pretrain=9, train=9, val=9, test=9)})

    def first(synthesis: Synthesis) -> Task:
        return next(tasks(synthesis, "test"))

    assert draw(first(more), more)[0] == draw(first(SMALL), SMALL)[0]


def test_layout(root: Path) -> None:
    listed = [record["file_path"] for name in ("reid_raw.json", "pretrain.json") for record in records(root, name)]
    on_disk = sorted(path.relative_to(root / "imgs").as_posix() for path in (root / "imgs").rglob("*.jpg"))
    assert sorted(listed) == on_disk
    assert len(listed) == len(set(listed))
    for path in on_disk:
        with Image.open(root / "imgs" / path) as image:
            assert (image.height, image.width, image.mode, image.format) == (*SMALL.size, "RGB", "JPEG")


def test_records_have_the_fields_of_cuhk_pedes(root: Path) -> None:
    for record in records(root) + records(root, "pretrain.json"):
        assert record["file_path"].startswith(record["split"] + "/")
        assert len(record["captions"]) == len(record["processed_tokens"]) == 2
        for caption, tokens in zip(record["captions"], record["processed_tokens"], strict=True):
            assert tokens == "".join(c for c in caption.lower() if c.isalnum() or c == " " or c == ".").replace(".", "").split()


def test_ids_count_from_one_and_splits_share_none(root: Path) -> None:
    persons: dict[str, set[int]] = {}
    for record in records(root) + records(root, "pretrain.json"):
        persons.setdefault(record["split"], set()).add(record["id"])
    assert persons == {"train": {1, 2, 3, 4}, "val": {5, 6}, "test": {7, 8, 9}, "pretrain": {10, 11, 12, 13, 14}}


def test_public_code_sees_only_its_three_splits(root: Path) -> None:
    assert {record["split"] for record in records(root)} == {"train", "val", "test"}


def test_images_per_person(root: Path) -> None:
    counts: dict[int, int] = {}
    for record in records(root):
        counts[record["id"]] = counts.get(record["id"], 0) + 1
    assert set(counts.values()) <= {3, 4, 5}
    assert len(records(root, "pretrain.json")) == 5


def test_gold_stands_beside_each_caption(root: Path) -> None:
    for record in records(root):
        assert len(record["phrases"]) == len(record["facts"]) == len(record["captions"])
        for facts in record["facts"]:
            assert facts.items() <= record["attributes"].items()
