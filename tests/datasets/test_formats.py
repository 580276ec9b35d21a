"""The three annotation formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cada.datasets.reading import read
from cada.datasets.records import Record
from cada.errors import CadaError
from tests.datasets.conftest import MakeSet, write_annotation


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
    with pytest.raises(CadaError, match=r"caption_all\.json: this older annotation has no splits.*reid_raw\.json"):
        read("cuhk_pedes", data.root)


def test_no_annotation(tmp_path: Path) -> None:
    with pytest.raises(CadaError, match=r"there is no ICFG-PEDES\.json or ICFG_PEDES\.json\. .*fix `root` in params/x/data\.yaml"):
        read("icfg_pedes", tmp_path, where=Path("params/x/data.yaml"))


@pytest.mark.parametrize("field", ["id", "file_path", "captions", "split"])
def test_missing_field(make_set: MakeSet, field: str) -> None:
    data, records = make_set()
    del records[2][field]
    write_annotation(data, records)
    with pytest.raises(CadaError, match=rf"reid_raw\.json: record 2.*: the field '{field}' is missing"):
        read("cuhk_pedes", data.root)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": "7"}, r"record 1 \(train/1.jpg\): 'id' is '7', not of type int"),
        ({"id": True}, r"'id' is True, not of type int"),
        ({"captions": "A man."}, r"'captions' is 'A man.', not of type list"),
        ({"captions": []}, r"'captions' is \[\], not a list of sentences"),
        ({"captions": ["A man.", None]}, r"not a list of sentences"),
        ({"file_path": 3}, r"record 1: 'file_path' is 3, not of type str"),
        ({"file_path": "../1.jpg"}, r"record 1 \(\.\./1\.jpg\): 'file_path' is no plain path under imgs/"),
        ({"file_path": "/imgs/1.jpg"}, r"'file_path' is no plain path"),
        ({"file_path": "train//1.jpg"}, r"'file_path' is no plain path"),
    ],
)
def test_wrong_field(make_set: MakeSet, change: dict[str, Any], complaint: str) -> None:
    data, records = make_set()
    records[1] |= change
    write_annotation(data, records)
    with pytest.raises(CadaError, match=complaint):
        read("cuhk_pedes", data.root)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[{", "not valid JSON"),
        ("{}", "holds no list of records"),
        ("[]", "holds no list of records"),
        ("[3]", "record 0: the field 'file_path' is missing"),
    ],
)
def test_no_annotation_inside(make_set: MakeSet, text: str, complaint: str) -> None:
    data, _ = make_set()
    (data.root / "reid_raw.json").write_text(text)
    with pytest.raises(CadaError, match=rf"reid_raw\.json: {complaint}"):
        read("cuhk_pedes", data.root)
