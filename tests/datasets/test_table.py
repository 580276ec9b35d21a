"""A user's own captions, from a CSV or a JSONL file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cada.config import Source
from cada.datasets import AnnotationError, Record, read
from cada.datasets.formats import FORMATS
from tests.messages import Fact, refused

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


NO_NAMES = ("1.0", "-3", "1e5", ".5", "1" * 19, "NaN", "", " ", "anna ", "an\tna", "\u200b")


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


def test_names_are_numbered_in_sorted_order_behind_the_numbers(tmp_path: Path) -> None:
    """Whatever the order of the rows; 003 is the number 3, and é comes after z."""
    persons = ["zoe", "7", "anna", "émile", "003", "P-1", "anna", "0017_c2", "安娜"]
    rows = [f"{row}.jpg,{person},A man.\n" for row, person in enumerate(persons)]
    expected = {"3": 3, "7": 7, "0017_c2": 8, "P-1": 9, "anna": 10, "zoe": 11, "émile": 12, "安娜": 13}
    for ordered in (rows, rows[::-1]):
        written(tmp_path, "image,person,caption\n" + "".join(ordered))
        found = read("table", tmp_path, annotation="captions.csv", test_persons=2)
        assert {record.label: record.person for record in found} == expected
        assert [record.label.zfill(3) for record in found] == [line.split(",")[1].zfill(3) for line in ordered]
    names = [{"image": f"{name}.jpg", "person": name, "caption": "A man."} for name in ("b", "a", "c")]
    found = read("table", written(tmp_path, jsonl(names), "c.jsonl"), annotation="c.jsonl", test_persons=1)
    assert [(record.name, record.person) for record in found] == [("b", 2), ("a", 1), ("c", 3)]


def test_the_rule_takes_names_and_not_the_numbers_that_stand_for_them(tmp_path: Path) -> None:
    """By SHA-256 the order is emil, bert, aaron, anna, carl, dora, whoever else is there and has whichever number."""
    names = ["anna", "bert", "carl", "dora", "emil"]
    numbers = set()
    for some in (names, names[1:], ["aaron", *names]):
        written(tmp_path, "image,person,caption\n" + "".join(f"{name}.jpg,{name},A man.\n" for name in some))
        found = read("table", tmp_path, annotation="captions.csv", test_persons=2)
        assert {record.name for record in found if record.split == "test"} == {"emil", "bert"}
        numbers.add(tuple(record.person for record in found if record.split == "test"))
    assert numbers == {(2, 5), (1, 4), (3, 6)}


def test_without_splits_the_persons_of_the_smallest_digests_are_test(tmp_path: Path) -> None:
    """As in test_holdout: of 1 to 9 these are 9, 8, 4, 3, 2."""
    text = "image,person,caption\n" + "".join(f"{person}.jpg,{person},A man.\n" for person in range(1, 10))
    written(tmp_path, text)
    for count, chosen in ((1, {9}), (2, {8, 9}), (4, {3, 4, 8, 9})):
        records = read("table", tmp_path, annotation="captions.csv", test_persons=count)
        assert {record.person for record in records if record.split == "test"} == chosen
        assert {record.person for record in records if record.split == "train"} == set(range(1, 10)) - chosen


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("image,", "file,", ("line 1", "'image'", "missing", "file, person, caption, split")),
        ("caption,split", "caption,caption", ("line 1", "twice", "image, person, caption, caption")),
        ("a/2.jpg,12,", "a/2.jpg,", ("line 4", "3 cells", "header 4")),
        ("A woman in", "A woman, in", ("line 4", "5 cells", "header 4")),
        ("a/2.jpg", "../2.jpg", ("line 4", "'image'", "'../2.jpg'", "imgs/")),
        *((",12,", f",{name},", ("line 4", "'person'", repr(name))) for name in NO_NAMES),
        ("a/1.jpg,3,\"He wears", "a/1.jpg,anna,\"He wears", ("line 6", "a/1.jpg", "person anna", "person 3", "line 2")),
        (",test", ",query", ("line 4", "'split'", "'query'", "train, val or test")),
        (",test", ",", ("line 4", "'split'", "''", "train, val or test")),
        ("a/1.jpg,3,\"He wears", "a/1.jpg,4,\"He wears", ("line 6", "a/1.jpg", "person 4", "person 3", "line 2")),
        (",12,", ",3,", ("line 4", "person 3", "'test'", "'train'", "line 2")),
        ("He walks.\"", "He walks.", ("CSV", "line 6")),
        (CSV[27:], "", ("rows",)),
        (CSV, "", ("line 1", "'image'", "missing", "none")),
    ],
)  # fmt: skip
def test_faults_of_a_csv_file(tmp_path: Path, old: str, new: str, facts: tuple[Fact, ...]) -> None:
    assert old in CSV
    with refused(tmp_path / "captions.csv", *facts):
        read("table", written(tmp_path, CSV.replace(old, new, 1)), annotation="captions.csv")


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("{", ("JSON", "one object")),
        ("[1]", ("object", "image, person, caption")),
        ('{"image": "b.jpg", "person": 1}', ("'caption'", "missing")),
        ('{"image": "b.jpg", "person": true, "caption": "x"}', ("'person'", "True")),
        ('{"image": "b.jpg", "person": null, "caption": "x"}', ("'person'", "None")),
        ('{"image": "b.jpg", "person": ["anna"], "caption": "x"}', ("'person'", "['anna']")),
        ('{"image": "b.jpg", "person": 1, "caption": []}', ("'caption'", "[]")),
        ('{"image": "b.jpg", "person": 1, "caption": ["x", 1]}', ("'caption'", "['x', 1]")),
        ('{"image": "b.jpg", "person": 1234567890123456789, "caption": "x"}', ("'person'", 1234567890123456789)),
        ('{"image": 1, "person": 1, "caption": "x"}', ("'image' is 1", "imgs/")),
        ('{"image": "b.jpg", "person": 1, "caption": "x", "split": "test"}', ("'split'", "all", "none")),
    ],
)
def test_faults_of_a_jsonl_file(tmp_path: Path, line: str, facts: tuple[Fact, ...]) -> None:
    with refused(tmp_path / "c.jsonl", "line 2", *facts):
        read("table", written(tmp_path, jsonl(ROWS[:1]) + line, "c.jsonl"), annotation="c.jsonl", test_persons=1)


def test_other_bytes_and_other_files(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_bytes("image,person,caption\na.jpg,1,Ein Mädchen".encode("latin-1"))
    with refused(tmp_path / "captions.csv", "UTF-8", "byte 34"):
        read("table", tmp_path, annotation="captions.csv")
    with refused(tmp_path / "captions.xlsx", ".csv", ".jsonl"):
        read("table", written(tmp_path, "", "captions.xlsx"), annotation="captions.xlsx")


def test_what_is_wrong_with_the_arguments_is_a_value_error(tmp_path: Path) -> None:
    written(tmp_path, CSV)
    written(tmp_path, "image,person,caption\na.jpg,1,A man.\nb.jpg,2,A man.\n", "plain.csv")
    csv, plain = tmp_path / "captions.csv", tmp_path / "plain.csv"
    cases: tuple[tuple[dict[str, Any], tuple[Fact, ...]], ...] = (
        ({"format": "tabel", "annotation": "captions.csv"}, ("format", "'tabel'", *FORMATS)),
        ({"format": "cuhk"}, ("format", "'cuhk'", *FORMATS)),
        ({"format": "table"}, ("annotation", "missing", "table")),
        ({"format": "table", "annotation": "none.csv"}, (tmp_path, "none.csv", "`root` or `annotation`", "read")),
        ({"format": "table", "annotation": "captions.csv", "test_persons": 1}, ("read: test_persons", 1, csv, "splits")),
        ({"format": "table", "annotation": "plain.csv"}, ("read: test_persons", "missing", plain, "split")),
        ({"format": "table", "annotation": "plain.csv", "test_persons": 3}, ("read: test_persons", 3, plain, "2 persons")),
    )
    assert issubclass(AnnotationError, ValueError)
    for arguments, facts in cases:
        with refused(*facts, by=AnnotationError):
            read(root=tmp_path, **arguments)


def test_the_same_in_data_yaml() -> None:
    for values, facts in (
        ({"format": "tabel"}, ("format", "'tabel'", *FORMATS)),
        ({"format": "table"}, ("annotation", "missing")),
        ({"format": "table", "annotation": "../captions.csv"}, ("annotation", "'../captions.csv'")),
    ):
        with refused(*facts, by=ValidationError):
            Source.model_validate(values | {"root": "data/mine"})


def test_the_import_is_light() -> None:
    code = "import cada.datasets, sys; sys.exit(' '.join({'torch', 'pandas', 'PIL', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""
