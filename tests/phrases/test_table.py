import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import ArrowInvalid

from cada.datasets.records import Record
from cada.datasets.text import normalise_caption
from cada.phrases.table import read_phrases, write_phrases
from tests.messages import refused

RECORDS = [
    Record("a.png", 1, ("A man in a gray, hooded jacket.He wears jeans", "walking"), "train"),
    Record("b.png", 2, ("the lady", "a red hat"), "test"),
]


def test_one_row_per_phrase(tmp_path: Path) -> None:
    write_phrases(RECORDS, output=tmp_path / "phrases.parquet")
    frame = read_phrases(tmp_path / "phrases.parquet", "mine")
    assert frame.drop(columns="modifiers").to_dict("records") == [
        {"image": "a.png", "caption": 0, "phrase": 0, "start": 11, "end": 30, "text": "gray, hooded jacket", "head": "jacket"},
        {"image": "a.png", "caption": 0, "phrase": 1, "start": 40, "end": 45, "text": "jeans", "head": "jeans"},
        {"image": "b.png", "caption": 1, "phrase": 0, "start": 2, "end": 9, "text": "red hat", "head": "hat"},
    ]
    assert [list(modifiers) for modifiers in frame["modifiers"]] == [["gray", "hooded"], [], ["red"]]
    assert normalise_caption(RECORDS[0].captions[0])[11:30] == "gray, hooded jacket"


def test_the_same_records_give_the_same_bytes_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        write_phrases(RECORDS, output=tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert capsys.readouterr() == ("", "")


def test_captions_without_phrases_make_an_empty_table_with_all_columns(tmp_path: Path) -> None:
    write_phrases([Record("a.png", 1, ("", "walking"), "test")], output=tmp_path / "phrases.parquet")
    frame = read_phrases(tmp_path / "phrases.parquet", "mine")
    assert len(frame) == 0
    assert list(frame) == ["image", "caption", "phrase", "start", "end", "text", "head", "modifiers"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "phrases.parquet").mkdir()
    with refused(tmp_path / "phrases.parquet", os.strerror(errno.EISDIR)):
        write_phrases(RECORDS, output=tmp_path / "phrases.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["phrases.parquet"]


def test_a_missing_a_damaged_and_a_foreign_table_are_named(tmp_path: Path) -> None:
    again = "`cada phrases mine`"
    with refused(tmp_path / "none.parquet", again, cause=FileNotFoundError):
        read_phrases(tmp_path / "none.parquet", "mine")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and then nothing")
    with refused(tmp_path / "damaged.parquet", again, cause=ArrowInvalid):
        read_phrases(tmp_path / "damaged.parquet", "mine")
    pd.DataFrame({"image": ["a.png"]}).to_parquet(tmp_path / "foreign.parquet")
    with refused(tmp_path / "foreign.parquet", "columns", "caption", again):
        read_phrases(tmp_path / "foreign.parquet", "mine")
