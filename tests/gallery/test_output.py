"""How hits are written, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from cada.datasets.sheet import save_sheet
from cada.errors import CadaError
from cada.gallery.output import read_queries, rendered, sheet_of
from cada.gallery.searching import Hit

PLAIN = Hit("/a b/1.jpg", 4, "", 0.0, 0.5, 0.25, 0.75, "possible", {"red coat": 0.4}, ("/a b/2.jpg",))
BOXED = Hit("/c.jpg", 5, "1,2,3,4", 60.0, 0.25, None, 0.25)


def test_a_person_reads_rank_match_cosine_confidence_and_path() -> None:
    text = rendered({"a man": [PLAIN, BOXED]}, "text").splitlines()
    assert [line.split() for line in text] == [
        ["1", "25", "%", "+0.500", "possible", "/a", "b/1.jpg", "(+1", "copy)"],
        ["red", "coat:", "40", "%"],
        ["2", "+0.250", "/c.jpg", "1,2,3,4"],
    ]
    assert rendered({"a man": []}, "text").strip()
    assert "a man" in rendered({"a man": [PLAIN], "a hat": [BOXED]}, "text")


def test_paths_stand_alone_for_pipes() -> None:
    assert rendered({"a": [PLAIN, BOXED], "b": [PLAIN]}, "paths") == "/a b/1.jpg\n/c.jpg\n"


def test_json_has_everything() -> None:
    read = json.loads(rendered({"a": [PLAIN, BOXED]}, "json"))
    assert read["query"] == "a"
    first, second = read["hits"]
    assert first == {
        "path": "/a b/1.jpg",
        "row": 4,
        "box": None,
        "time": "1970-01-01T00:00:00+00:00",
        "cosine": 0.5,
        "match": 0.25,
        "score": 0.75,
        "confidence": "possible",
        "phrases": {"red coat": 0.4},
        "copies": ["/a b/2.jpg"],
    }
    assert second["box"] == [1, 2, 3, 4]
    assert len(json.loads(rendered({"a": [], "b": []}, "json"))) == 2


def test_csv_has_a_row_for_each_hit() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered({"a, b": [PLAIN], "c": [BOXED]}, "csv"))))
    assert [(row["query"], row["rank"], row["path"], row["box"], row["match"]) for row in rows] == [
        ("a, b", "1", "/a b/1.jpg", "", "0.25"),
        ("c", "1", "/c.jpg", "1,2,3,4", ""),
    ]


def test_trec_has_six_columns_whatever_is_in_a_path_and_its_scores_fall() -> None:
    lines = [line.split(" ") for line in rendered({"q 1": [PLAIN, BOXED]}, "trec").splitlines()]
    assert [line[:4] for line in lines] == [["q%201", "Q0", "/a%20b/1.jpg", "1"], ["q%201", "Q0", "/c.jpg%231%2C2%2C3%2C4", "2"]]
    assert [len(line) for line in lines] == [6, 6]
    assert float(lines[0][4]) > float(lines[1][4])


def test_queries_are_read_with_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text('id,query\n7,"a man, tall"\n,a hat\n')
    wanted = {"7": [("a man, tall", 1.0)], "a hat": [("a hat", 1.0)]}
    assert {name: query.texts for name, query in read_queries(path).items()} == wanted
    path.write_text("\ufeffid;query\n7;a man, tall\n;a hat\n", encoding="utf-8")
    assert {name: query.texts for name, query in read_queries(path).items()} == wanted, "as a spreadsheet writes it in some countries"


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        ("caption\na\n", ("query",)),
        ("query\n", ("no query",)),
        ("query\na\na\n", ("line 3", "'a'")),
        ("id,query\n1,\n", ("line 2", "empty")),
    ],
)
def test_wrong_queries_are_named(tmp_path: Path, content: str, facts: tuple[str, ...]) -> None:
    path = tmp_path / "q.csv"
    path.write_text(content)
    with pytest.raises(CadaError) as error:
        read_queries(path)
    assert all(fact in str(error.value) for fact in ("q.csv", *facts))


def test_a_sheet_shows_the_images_that_are_there(tmp_path: Path) -> None:
    Image.new("RGB", (48, 96), "red").save(tmp_path / "red.png")
    hits = [Hit(str(tmp_path / name), 0, "", 0.0, 0.5, 0.5, 0.5) for name in ("red.png", "gone.png")]
    sheet = sheet_of({"a red thing": hits})
    assert sheet is not None
    save_sheet(sheet, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as read:
        assert sum(count for count, colour in read.convert("RGB").getcolors(9999) or [] if colour[0] > 240 > 20 > colour[1]) > 10_000
    with pytest.raises(CadaError, match=r"sheet\.gif"):
        save_sheet(sheet, tmp_path / "sheet.gif")
    assert sheet_of({"a red thing": hits[1:]}) is None
