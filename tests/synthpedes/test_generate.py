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
from cada.synthpedes.generate import GENERATOR, Task, draw, draw_set, tasks

SMALL = Synthesis(seed=2026, persons=Persons(pretrain=5, train=4, val=2, test=3), images_per_person=(3, 5), size=(96, 48))
PROJECT = Path(__file__).parents[2]
SPLITS = ("pretrain", "train", "val", "test")

# Whoever changes what is drawn or written on purpose raises GENERATOR, and takes over the new digests.
PIXELS = {
    "pretrain": "38bd8c51bbe9259cb957d517c240952473180b3d71bd3e3380bfa84de1b7ef8e",
    "train": "56ba4921ea867a77910bd153629a6db61a15125ebc52f7663e2233aae350d6a1",
    "val": "e0e2e3bc7827dae0933a0c92beca765ed8316d9001844d311fd70864555cb1b3",
    "test": "504298d0393f7f391d7d87bd86c7895c8b8ab38b56e246f077d190445edfe964",
}
FILES = {
    "pretrain": "da39315eb6ace368f9217091326345c16f1025bac07b6f47b3483440e617f8b0",
    "train": "c3678bca0da38c512259d1312ac3fc6fb603d98afbc6a784d68643a94fd5d3a8",
    "val": "0210ccbd8f05c00ca3bf25e5a67df52a09e95ba7a515ef751d2372496317935b",
    "test": "a09c5a43725ddb67f66b49ca4a3b2f2e9e473def5b2c43c2a7418886694ff38e",
}
ANNOTATION = {
    "reid_raw.json": "fc6a9ecdd0e77a0edef8e895073ca389d8aa2a20cba3c649d4b782cb06671ce5",
    "pretrain.json": "f66a6340734a3aea5e93ea01bae2257f3b46e1e4712269735e9d5a814287c51d",
    "synthesis.json": "c3179080c79ff5ce8d8ccbccf3761f9c76f576a0dd6042d1b5d91effbfcfdbb0",
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
from tests.synthpedes.test_generate import drawn
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
    assert GENERATOR == 2


def test_order_does_not_matter() -> None:
    todo = [task for split in SPLITS for task in tasks(SMALL, split)]
    in_order = {task.path: draw(task, SMALL) for task in todo}
    random.Random(0).shuffle(todo)
    assert {task.path: draw(task, SMALL) for task in todo} == in_order


def test_several_processes_draw_the_same(root: Path, tmp_path: Path) -> None:
    draw_set(tmp_path / "set", SMALL, processes=2)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path / "set") for path in (tmp_path / "set").rglob("*") if path.is_file())
    assert all((root / file).read_bytes() == (tmp_path / "set" / file).read_bytes() for file in files)


def test_a_set_may_have_nobody_to_pre_train_on(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", SMALL.model_copy(update={"persons": Persons(train=4, val=2, test=3)}))
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["imgs", "reid_raw.json", "synthesis.json"]


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
