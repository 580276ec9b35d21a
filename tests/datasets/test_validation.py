"""Counts, captions and images that are not as they should be: all faults are found, and each is named."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cada.datasets.decoding import FORMATS
from cada.datasets.records import Record, split_counts
from cada.datasets.validation import Findings, check_captions, check_counts, check_images, check_names, validate
from tests.messages import carries

ANNOTATION = "set/reid_raw.json"
WHERE = Path("params/mine/data.yaml")
REMEDY = "Fetch them again."


def record(*captions: str, image: str = "a.jpg", split: str = "train", person: int = 1) -> Record:
    return Record(image, person, captions, split)


def test_counts_as_published() -> None:
    counts = split_counts([record("x", "y"), record("z", image="b.jpg"), record("x", image="c.jpg", split="test", person=2)])
    expected = {"train": {"persons": 1, "images": 2, "captions": 3}, "test": {"persons": 1, "images": 1, "captions": 1}}
    assert counts == expected
    assert check_counts(Path("set"), counts, expected, where=WHERE) == []


def test_every_difference_of_the_counts_in_one_sentence() -> None:
    """A number that differs, a split that is missing, and one that nobody expects."""
    counts = {"train": {"persons": 2, "images": 3, "captions": 6}, "query": {"persons": 1, "images": 1, "captions": 1}}
    expected = {"train": {"persons": 2, "images": 4000, "captions": 6}, "val": {"persons": 5, "images": 5, "captions": 5}}
    (sentence,) = check_counts(Path("set"), counts, expected, where=WHERE)
    differences = [("train", "3 images", "4,000")]
    differences += [("val", f"0 {kind}", "5") for kind in ("persons", "images", "captions")]
    differences += [("query", f"1 {kind}", "0") for kind in ("persons", "images", "captions")]
    for split, found, wanted in differences:
        assert re.search(rf"\b{split}\D+\b{found}\D+\b{wanted}\b", sentence)
    assert len(re.findall(r"\d[\d,]*", sentence)) == 2 * len(differences)
    assert carries(sentence, "set: ", "`expected`", WHERE)


def test_long_captions_are_cut_and_counted() -> None:
    assert check_captions([record("word " * 72), record("word " * 73, "word"), record("word " * 250)], ANNOTATION) == (2, [])


def test_caption_of_300_words() -> None:
    _, (problem,) = check_captions([record("fine"), record("fine", "many " * 300, image="b.jpg")], ANNOTATION)
    assert carries(problem, ANNOTATION, "b.jpg (train)", "caption 1", "250 words", "'many many")


@pytest.mark.parametrize("caption", ["", "  \n", "...", '"!"'])
def test_caption_without_words(caption: str) -> None:
    _, (problem,) = check_captions([record(caption, image="b.jpg")], ANNOTATION)
    assert carries(problem, ANNOTATION, "b.jpg (train)", "caption 0", "no words", repr(caption))


def test_an_image_with_several_records_is_named() -> None:
    (problem,) = check_names(["a.jpg", "b.jpg", "a.jpg"], "captions.json")
    assert carries(problem, "captions.json", "a.jpg", "2 records") and "b.jpg" not in problem


def test_many_unusable_captions_are_counted() -> None:
    _, problems = check_captions([record("", image=f"{number}.jpg") for number in range(1234)], ANNOTATION)
    assert len(problems) == 11
    assert carries(problems[0], ANNOTATION, "0.jpg") and carries(problems[-1], "1,224 more captions")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.jpg", "cam/a.jpg"):
        (tmp_path / "imgs" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((30, 60), 50).convert("RGB").save(tmp_path / "imgs" / name)
    return tmp_path


def test_sizes_and_digests_in_alphabetical_order(images: Path) -> None:
    found, problems = check_images(images, ["b.jpg", "a.jpg", "b.jpg"], remedy=REMEDY)
    data = {name: (images / "imgs" / name).read_bytes() for name in ("a.jpg", "b.jpg")}
    assert list(found.items()) == [(name, (len(text), hashlib.sha256(text).hexdigest())) for name, text in data.items()]
    assert problems == []


def test_missing_images_are_counted_by_folder(images: Path) -> None:
    names = ["a.jpg", *(f"cam/{number}.jpg" for number in range(5)), "cam/a.jpg", "other/1.jpg", "other/2.jpg"]
    found, problems = check_images(images, names, remedy=REMEDY)
    assert list(found) == ["a.jpg", "cam/a.jpg"]
    some, folder, remedy = problems
    assert carries(some, f"{images}/imgs/cam", "5 of 6", "0.jpg", "1.jpg", "2.jpg", "2 more") and "3.jpg" not in some
    assert carries(folder, f"{images}/imgs/other", "folder", "2 images")
    assert remedy == REMEDY


def test_no_images_at_all_are_one_line(images: Path) -> None:
    shutil.rmtree(images / "imgs")
    found, (problem,) = check_images(images, ["a.jpg", "cam/a.jpg", "a.jpg", "other/1.jpg"], remedy=REMEDY)
    assert found == {} and carries(problem, images, "imgs/", "3 images", REMEDY) and len(problem.splitlines()) == 1


@pytest.mark.parametrize("kept", [0, 1, 20, 400, -100])
def test_truncated_image(images: Path, kept: int) -> None:
    path = images / "imgs" / "a.jpg"
    path.write_bytes(path.read_bytes()[:kept])
    found, (problem, remedy) = check_images(images, ["a.jpg", "b.jpg"], remedy=REMEDY)
    assert list(found) == ["b.jpg"]
    assert carries(problem, path, "whole") and remedy == REMEDY


def test_text_instead_of_an_image(images: Path) -> None:
    (images / "imgs" / "a.jpg").write_text("<html>not found</html>")
    assert carries(check_images(images, ["a.jpg"], remedy=REMEDY)[1][0], f"{images}/imgs/a.jpg", *FORMATS)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_32_bits_are_refused_as_training_refuses_them(images: Path, kind: type) -> None:
    Image.fromarray(np.zeros((6, 3), dtype=kind)).save(images / "imgs" / "a.tif")
    assert carries(check_images(images, ["a.tif"], remedy=REMEDY)[1][0], f"{images}/imgs/a.tif", "32 bits")


def test_an_image_of_another_format_is_named_with_those_that_are_read(images: Path) -> None:
    Image.new("RGB", (3, 6)).save(images / "imgs" / "a.eps")
    assert carries(check_images(images, ["a.eps"], remedy=REMEDY)[1][0], f"{images}/imgs/a.eps", *FORMATS)


def test_an_image_that_may_not_be_read_is_not_called_broken(images: Path) -> None:
    (images / "imgs" / "loop.jpg").symlink_to("loop.jpg")
    assert carries(check_images(images, ["loop.jpg"], remedy=REMEDY)[1][0], f"{images}/imgs/loop.jpg", os.strerror(errno.ELOOP))


def test_many_broken_images_are_counted(images: Path) -> None:
    names = [f"{number:02}.jpg" for number in range(30)]
    for name in names:
        (images / "imgs" / name).write_text("no image")
    problems = check_images(images, names, remedy=REMEDY)[1]
    assert carries(problems[9], f"{images}/imgs/09.jpg") and carries(problems[10], "20 more images")
    assert problems[11:] == [REMEDY]


def found(root: Path, records: list[Record], expected: dict[str, dict[str, int]] | None) -> Findings:
    return validate(root, records, expected=expected, annotation=[Path(ANNOTATION)], where=WHERE, remedy=REMEDY)


def test_all_kinds_of_faults_at_once(images: Path) -> None:
    records = [record("", image="a.jpg"), record("fine", image="b.jpg"), record("fine", image="gone.jpg")]
    (images / "imgs" / "b.jpg").write_text("no image")
    findings = found(images, records, {"train": {"persons": 9, "images": 3, "captions": 3}})
    assert [problem.partition(":")[0] for problem in findings.problems[:4]] == [
        str(images),
        ANNOTATION,
        f"{images}/imgs",
        f"{images}/imgs/b.jpg",
    ]
    assert list(findings.images) == ["a.jpg"]


def test_without_expected_counts_only_these_are_left_out(images: Path) -> None:
    shutil.rmtree(images / "imgs" / "cam")
    assert found(images, [record("fine"), record("fine", image="b.jpg")], None).problems == ()
