"""The commands as a user has them: what they print, and what they say where something is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cada.cli import app
from cada.errors import CadaError
from cada.gallery import Index
from cada.steps import gallery as steps
from cada.steps.gallery import default_model
from tests.gallery.conftest import START
from tests.messages import refused


def cada(*words: object) -> str:
    """What a command prints. Errors: what it raises, which `cada.runtime.console` prints."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_two_commands_from_a_folder_to_ranked_images(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    printed = cada("index", photos, "-o", tmp_path / "gallery", "--model", START)
    assert "24 images" in printed
    assert "skipped 1" in printed
    lines = cada("search", tmp_path / "gallery", "a man in a red jacket", "-k", 3, "--sheet", tmp_path / "hits.png").splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert all(line.split()[-1].startswith(str(photos)) for line in lines)
    assert (tmp_path / "hits.png").stat().st_size > 1000


def test_searches_by_image_by_file_and_within_a_part(index: Index, photos: Path, tmp_path: Path) -> None:
    image = sorted(photos.glob("*.jpg"))[3]
    assert cada("search", index.folder, "--image", image, "--format", "paths", "-k", 1) == f"{image}\n"
    (tmp_path / "q.csv").write_text("id,query\na,a man\nb,a woman\n")
    cada("search", index.folder, "--queries", tmp_path / "q.csv", "--format", "json", "-o", tmp_path / "found.json", "-k", 2)
    answers = json.loads((tmp_path / "found.json").read_text())
    assert [(answer["id"], answer["query"], len(answer["hits"])) for answer in answers] == [("a", "a man", 2), ("b", "a woman", 2)]
    assert cada("search", index.folder, "a man", "--path", f"*{image.name}", "--format", "paths") == f"{image}\n"
    assert cada("search", index.folder, "a man", "--until", "1999-12-31", "--format", "paths") == ""


def test_a_sentence_that_is_cut_is_said(index: Index) -> None:
    done = CliRunner().invoke(app, ["search", str(index.folder), "a man " * 40])
    assert done.exit_code == 0 and "72 of these 80 words" in done.stderr
    assert CliRunner().invoke(app, ["search", str(index.folder), "a man"]).stderr == ""


def test_words_that_the_model_does_not_know_are_said(index: Index) -> None:
    done = CliRunner().invoke(app, ["search", str(index.folder), "a man with an accordion", "--minus", "a parrot, a hat"])
    assert done.exit_code == 0 and done.stderr.endswith(": accordion, parrot\n")


def test_parts_are_indexed_and_merged(photos: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        cada("index", photos, "-o", tmp_path / f"part{number}", "--model", START, "--part", f"{number}/2")
    assert "24 images" in cada("merge", tmp_path / "whole", tmp_path / "part1", tmp_path / "part2")


def test_a_watched_folder_takes_in_what_comes(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changes(source: Path, **_: bool) -> Iterator[None]:
        """A copy comes, then Ctrl-C."""
        shutil.copy(next(source.glob("*.jpg")), source / "copy.jpg")
        yield

    monkeypatch.setattr("watchfiles.watch", changes)
    done = CliRunner().invoke(app, ["index", str(photos), "-o", str(tmp_path / "gallery"), "--model", str(START), "--watch"])
    assert done.exit_code == 0 and "watching" in done.stderr
    assert [line.split("; ")[1].split(", ")[0] for line in done.stdout.splitlines()] == ["added 24", "added 1"]


def test_of_what_is_skipped_the_first_ten_are_listed(photos: Path, tmp_path: Path) -> None:
    for number in range(12):
        (photos / f"broken{number}.jpg").write_bytes(b"no image")
    done = CliRunner().invoke(app, ["index", str(photos), "-o", str(tmp_path / "gallery"), "--model", str(START)])
    assert "skipped 12" in done.stdout
    assert done.stderr.count("skipped /") == 10 and done.stderr.endswith("and 2 more\n")


def test_boxes_of_the_detector(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    done = CliRunner().invoke(app, ["detect", str(photos), "-o", str(tmp_path / "boxes.csv"), "--threshold", "9"])
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'boxes.csv'}: 0 persons in 24 images, skipped 1\n")
    assert "broken.jpg" in done.stderr


def test_the_model_without_a_name(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder the start that lies beside the code, and where there is none, what to do."""
    monkeypatch.chdir(tmp_path)
    assert START.resolve() != default_model().resolve() == (Path(steps.__file__).parents[2] / START)
    monkeypatch.setattr(steps, "SHIPPED", Path("weights/nowhere"))
    with refused("weights/nowhere", str(tmp_path), "--model"):
        cada("index", photos, "-o", "new")


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["search", "GALLERY"], ("--image", "--queries")),
        (["search", "GALLERY", "a man", "--image", "x.jpg"], ("--image",)),
        (["search", "GALLERY", ""], ("empty",)),
        (["search", "GALLERY", "--image", "IMAGE", "--phrases"], ("--phrases", "sentence")),
        (["search", "GALLERY", "--image", "nofile.jpg"], ("nofile.jpg",)),
        (["search", "GALLERY", "a man", "--since", "yesterday"], ("yesterday", "ISO 8601")),
        (["search", "nothing", "a man"], ("nothing", "cada index")),
        (["search", "GALLERY", "a man", "--until", "1999-12-31", "--sheet", "hits.png"], ("hits.png", "no image")),
        (["approximate", "GALLERY"], ("24", "10,000")),
        (["index", "nofolder", "-o", "new"], ("nofolder",)),
        (["index", "PHOTOS", "-o", "new", "--model", "nomodel"], ("nomodel", "safetensors")),
        (["index", "PHOTOS", "-o", "GALLERY", "--model", "weights"], ("GALLERY", "weights")),
        (["index", "PHOTOS", "-o", "GALLERY", "--tokens", "int8"], ("GALLERY", "float16", "int8")),
        (["index", "PHOTOS", "-o", "GALLERY", "--boxes", "BOXES"], ("1 images", "24", "elsewhere.jpg")),
        (["search", "EMPTY", "a man"], ("no image", "cada index")),
        (["index", "PHOTOS", "-o", "GALLERY", "--part", "9/8"], ("9/8",)),
        (["export", "nomodel"], ("nomodel",)),
        (["merge", "new", "nothing"], ("nothing",)),
    ],
)
def test_what_is_wrong_is_named(index: Index, photos: Path, tmp_path: Path, words: list[str], facts: tuple[str, ...]) -> None:
    (tmp_path / "boxes.csv").write_text("image,x,y,width,height\nelsewhere.jpg,0,0,10,20\n")
    places = {"GALLERY": str(index.folder), "PHOTOS": str(photos), "BOXES": str(tmp_path / "boxes.csv")}
    places["IMAGE"] = str(next(photos.glob("*.jpg")))
    places["EMPTY"] = str(Index.create(tmp_path / "empty", START).folder)
    with pytest.raises(CadaError) as error:
        cada(*(places.get(word, word) for word in words))
    assert all(places.get(fact, fact) in str(error.value) for fact in facts)
