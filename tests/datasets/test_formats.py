"""The three annotation formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cada.datasets.reading import read
from cada.datasets.records import Record
from tests.datasets.conftest import MakeSet, write_annotation
from tests.messages import Fact, refused


@pytest.mark.parametrize("form", ["cuhk_pedes", "icfg_pedes", "rstpreid"])
def test_every_format_gives_the_same_records(make_set: MakeSet, form: str) -> None:
    data, _ = make_set(form)
    records = read(form, data.root)
    assert records[2] == Record("train/2.jpg", 1, ("A man in a red shirt, number 2.", "He walks."), "val")
    assert [record.split for record in records] == ["train", "train", "val", "test"]


def test_the_other_spelling_of_icfg(make_set: MakeSet) -> None:
    data, _ = make_set("icfg_pedes")
    (data.root / "ICFG-PEDES.json").rename(data.root / "ICFG_PEDES.json")
    assert len(read("icfg_pedes", data.root)) == 4


def test_pre_training_persons_come_along(make_set: MakeSet) -> None:
    data, records = make_set()
    annotation = write_annotation(data, [record | {"split": "pretrain"} for record in records[:1]])
    annotation.rename(data.root / "pretrain.json")
    write_annotation(data, records)
    assert [record.split for record in read("cuhk_pedes", data.root)] == ["train", "train", "val", "test", "pretrain"]


def test_older_annotation_is_refused(make_set: MakeSet) -> None:
    data, _ = make_set()
    (data.root / "reid_raw.json").rename(data.root / "caption_all.json")
    with refused(data.root / "caption_all.json", "splits", "reid_raw.json"):
        read("cuhk_pedes", data.root)


def test_no_annotation(tmp_path: Path) -> None:
    with refused(tmp_path, "ICFG-PEDES.json", "ICFG_PEDES.json", "`root`", "params/x/data.yaml", "`cada data status`"):
        read("icfg_pedes", tmp_path, where=Path("params/x/data.yaml"))


@pytest.mark.parametrize("field", ["id", "file_path", "captions", "split"])
def test_missing_field(make_set: MakeSet, field: str) -> None:
    data, records = make_set()
    del records[2][field]
    write_annotation(data, records)
    with refused(data.root / "reid_raw.json", "record 2", f"'{field}'", "missing"):
        read("cuhk_pedes", data.root)


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"id": "7"}, ("(train/1.jpg)", "'id'", "'7'", "int")),
        ({"id": True}, ("(train/1.jpg)", "'id'", "True", "int")),
        ({"captions": "A man."}, ("(train/1.jpg)", "'captions'", "'A man.'", "list")),
        ({"captions": []}, ("(train/1.jpg)", "'captions'", "[]", "sentences")),
        ({"captions": ["A man.", None]}, ("(train/1.jpg)", "'captions'", "None", "sentences")),
        ({"file_path": 3}, ("'file_path'", 3, "str")),
        ({"file_path": "../1.jpg"}, ("(../1.jpg)", "'file_path'", "imgs/")),
        ({"file_path": "/imgs/1.jpg"}, ("(/imgs/1.jpg)", "'file_path'", "under imgs/")),
        ({"file_path": "train//1.jpg"}, ("(train//1.jpg)", "'file_path'", "imgs/")),
    ],
)
def test_wrong_field(make_set: MakeSet, change: dict[str, Any], facts: tuple[Fact, ...]) -> None:
    data, records = make_set()
    records[1] |= change
    write_annotation(data, records)
    with refused(data.root / "reid_raw.json", "record 1", *facts):
        read("cuhk_pedes", data.root)


@pytest.mark.parametrize(
    ("text", "facts"),
    [("[{", ("JSON", "line 1")), ("{}", ("list", "records")), ("[]", ("list", "records")), ("[3]", ("record 0", "'file_path'", "missing"))],
)
def test_no_annotation_inside(make_set: MakeSet, text: str, facts: tuple[str, ...]) -> None:
    data, _ = make_set()
    (data.root / "reid_raw.json").write_text(text)
    with refused(data.root / "reid_raw.json", *facts):
        read("cuhk_pedes", data.root)
