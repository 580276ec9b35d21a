"""A user's own captions, from a CSV or a JSONL file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cada.config import Source
from cada.datasets import AnnotationError, Record, read
from cada.errors import CadaError

ROWS = [
    {"image": "a/1.jpg", "person": 3, "caption": "A man, in red.\nHe walks."},
    {"image": "a/2.jpg", "person": 12, "caption": "A woman in blue."},
    {"image": "a/1.jpg", "person": 3, "caption": 'He wears a "Nike" hat.'},
]
RECORDS = [
    Record("a/1.jpg", 3, ("A man, in red.\nHe walks.", 'He wears a "Nike" hat.'), "train"),
    Record("a/2.jpg", 12, ("A woman in blue.",), "test"),
]
CSV = """image,person,caption,split
a/1.jpg,3,"A man, in red.
He walks.",train
a/2.jpg,12,A woman in blue.,test

a/1.jpg,3,"He wears a ""Nike"" hat.",train
"""


def written(folder: Path, text: str, name: str = "captions.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


def jsonl(rows: list[dict[str, object]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.mark.parametrize("text", [CSV, "\ufeff" + CSV, CSV.replace("\n", "\r\n").replace("d.\r", "d."), CSV.replace(",3,", ",003,")])
def test_a_csv_file(tmp_path: Path, text: str) -> None:
    """Also as a spreadsheet writes it, and with zeros before the numbers."""
    assert read("table", written(tmp_path, text), annotation="captions.csv") == RECORDS


def test_a_jsonl_file_with_single_captions_and_lists_of_them(tmp_path: Path) -> None:
    rows = [row | {"split": "train" if row["person"] == 3 else "test"} for row in ROWS]
    assert read("table", written(tmp_path, jsonl(rows), "c.jsonl"), annotation="c.jsonl") == RECORDS
    listed = [{**rows[0], "caption": [ROWS[0]["caption"], ROWS[2]["caption"]], "camera": 7}, {**rows[1], "person": "12"}]
    assert read("table", written(tmp_path, jsonl(listed), "c.jsonl"), annotation="c.jsonl") == RECORDS


def test_without_splits_the_persons_of_the_smallest_digests_are_test(tmp_path: Path) -> None:
    """As in test_holdout: of 1 to 9 these are 9, 8, 4, 3, 2."""
    text = "image,person,caption\n" + "".join(f"{person}.jpg,{person},A man.\n" for person in range(1, 10))
    written(tmp_path, text)
    for count, chosen in ((1, {9}), (2, {8, 9}), (4, {3, 4, 8, 9})):
        records = read("table", tmp_path, annotation="captions.csv", test_persons=count)
        assert {record.person for record in records if record.split == "test"} == chosen
        assert {record.person for record in records if record.split == "train"} == set(range(1, 10)) - chosen


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("image,", "file,", r"captions\.csv: line 1: the column 'image' is missing; there are file, person, caption, split\."),
        ("caption,split", "caption,caption", r"line 1: a column stands twice"),
        ("a/2.jpg,12,", "a/2.jpg,", r"captions\.csv: line 4: has 3 cells, and the header 4"),
        ("A woman in", "A woman, in", r"line 4: has 5 cells, and the header 4"),
        ("a/2.jpg", "../2.jpg", r"line 4: 'image' is '\.\./2\.jpg', no plain path"),
        (",12,", ",anna,", r"line 4: 'person' is 'anna', no whole number"),
        (",12,", ",1.0,", r"line 4: 'person' is '1\.0'"),
        (",test", ",query", r"line 4: 'split' is 'query', not train, val or test"),
        (",test", ",", r"line 4: 'split' is '', not"),
        ("a/1.jpg,3,\"He wears", "a/1.jpg,4,\"He wears", r"line 6: a/1\.jpg shows person 4, and person 3 in line 2"),
        (",12,", ",3,", r"line 4: person 3 has split 'test', and 'train' in line 2"),
        ("He walks.\"", "He walks.", r"captions\.csv: line \d: not valid CSV"),
        (CSV[27:], "", r"captions\.csv: has no rows"),
        (CSV, "", r"line 1: the column 'image' is missing; there are none"),
    ],
)  # fmt: skip
def test_faults_of_a_csv_file(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in CSV
    with pytest.raises(CadaError, match=complaint):
        read("table", written(tmp_path, CSV.replace(old, new, 1)), annotation="captions.csv")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", r"c\.jsonl: line 2: not valid JSON"),
        ("[1]", r"line 2: is no object"),
        ('{"image": "b.jpg", "person": 1}', r"line 2: the key 'caption' is missing"),
        ('{"image": "b.jpg", "person": true, "caption": "x"}', r"line 2: 'person' is True"),
        ('{"image": "b.jpg", "person": 1, "caption": []}', r"line 2: 'caption' is \[\]"),
        ('{"image": "b.jpg", "person": 1, "caption": ["x", 1]}', r"line 2: 'caption' is \['x', 1\]"),
        ('{"image": "b.jpg", "person": 1234567890123456789, "caption": "x"}', r"line 2: 'person' is 1234567890123456789"),
        ('{"image": 1, "person": 1, "caption": "x"}', r"line 2: 'image' is 1"),
        ('{"image": "b.jpg", "person": 1, "caption": "x", "split": "test"}', r"line 2: some lines have the key 'split'"),
    ],
)
def test_faults_of_a_jsonl_file(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(CadaError, match=complaint):
        read("table", written(tmp_path, jsonl(ROWS[:1]) + line, "c.jsonl"), annotation="c.jsonl", test_persons=1)


def test_other_bytes_and_other_files(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_bytes("image,person,caption\na.jpg,1,Ein Mädchen".encode("latin-1"))
    with pytest.raises(CadaError, match=r"captions\.csv: not UTF-8 at byte 34"):
        read("table", tmp_path, annotation="captions.csv")
    with pytest.raises(CadaError, match=r"captions\.xlsx: is no \.csv or \.jsonl file"):
        read("table", written(tmp_path, "", "captions.xlsx"), annotation="captions.xlsx")


def test_what_is_wrong_with_the_arguments_is_a_value_error(tmp_path: Path) -> None:
    written(tmp_path, CSV)
    written(tmp_path, "image,person,caption\na.jpg,1,A man.\nb.jpg,2,A man.\n", "plain.csv")
    for arguments, complaint in (
        ({"format": "tabel", "annotation": "captions.csv"}, "no such format: 'tabel'"),
        ({"format": "cuhk"}, "no such format: 'cuhk'. Known are cuhk_pedes, icfg_pedes, rstpreid, table"),
        ({"format": "table"}, "annotation is missing"),
        ({"format": "table", "annotation": "none.csv"}, f"{tmp_path}: there is no none.csv"),
        ({"format": "table", "annotation": "captions.csv", "test_persons": 1}, "read: test_persons is 1, but .* has splits of its own"),
        ({"format": "table", "annotation": "plain.csv"}, "read: test_persons is missing, and .*plain.csv has no split"),
        ({"format": "table", "annotation": "plain.csv", "test_persons": 2}, "read: test_persons is 2, and .*plain.csv has 2 persons"),
    ):
        with pytest.raises(ValueError, match=complaint) as caught:
            read(root=tmp_path, **arguments)  # type: ignore[arg-type]
        assert isinstance(caught.value, AnnotationError)


def test_the_same_in_data_yaml() -> None:
    for values, complaint in (
        ({"format": "tabel"}, "no such format: 'tabel'"),
        ({"format": "table"}, "annotation is missing"),
        ({"format": "table", "annotation": "../captions.csv"}, "annotation"),
    ):
        with pytest.raises(ValueError, match=complaint):
            Source.model_validate(values | {"root": "data/mine"})


def test_the_import_is_light() -> None:
    code = "import cada.datasets, sys; sys.exit(' '.join({'torch', 'pandas', 'PIL', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""
