"""The three public sets with their known defects go through the data step; each defect is named by a test."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cada import config
from cada.datasets.holdout import with_val
from cada.datasets.images import load_image
from cada.datasets.loading import take_split
from cada.datasets.prepare import prepare
from cada.datasets.prepared import load_records
from cada.datasets.text import normalise_caption
from tests.messages import carries, line_with, refused
from tests.replicas import CUHK_FOLDERS, LARGEST, SMALLEST, WRITERS, Records, expected_counts, write_cuhk_pedes, write_icfg_pedes

MANIFEST = Path("results/manifest.json")
PERSONS = {"train": 8, "val": 4, "test": 5}
Prepared = Callable[..., tuple[config.Data, Records]]


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """A replica that has passed the data step with its own counts."""
    monkeypatch.chdir(tmp_path)

    def make(form: str, **options: Any) -> tuple[config.Data, Records]:
        persons = {split: count for split, count in PERSONS.items() if (form, split) != ("icfg_pedes", "val")}
        records = WRITERS[form](Path("data/replica"), persons=persons, **options)
        held_out = 2 if form == "icfg_pedes" else None
        values = {"format": form, "root": "data/replica", "expected": expected_counts(records), "held_out_persons": held_out}
        data = config.Data.model_validate(values)
        prepare("replica", data, output=MANIFEST)
        return data, records

    return make


@pytest.mark.parametrize("form", WRITERS)
def test_every_set_is_prepared(prepared: Prepared, form: str) -> None:
    data, records = prepared(form)
    loaded = load_records("replica", data, manifest=MANIFEST)
    key = "img_path" if form == "rstpreid" else "file_path"
    assert [(record.image, record.person, list(record.captions), record.split) for record in loaded] == [
        (record[key], record["id"], record["captions"], record["split"]) for record in records
    ]
    assert json.loads(MANIFEST.read_text())["splits"] == expected_counts(records)
    for record in loaded:
        assert load_image(data.root / "imgs" / record.image, (24, 12)).shape == (24, 12, 3)
        assert all(normalise_caption(caption) for caption in record.captions)


@pytest.mark.parametrize("form", WRITERS)
def test_the_same_seed_gives_the_same_files(tmp_path: Path, form: str) -> None:
    persons = {"train": 4, "val": 4, "test": 4}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        WRITERS[form](tmp_path / name, persons=persons, seed=seed)
    contents = [{path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in "abc"]
    assert contents[0] == contents[1] != contents[2]


def test_cuhk_fields_and_folders(prepared: Prepared) -> None:
    data, records = prepared("cuhk_pedes", images_per_person=4)
    assert {frozenset(record) for record in records} == {frozenset({"split", "captions", "file_path", "id", "processed_tokens"})}
    assert min(record["id"] for record in records) == 1
    assert {path.name for path in (data.root / "imgs").iterdir()} == set(CUHK_FOLDERS)
    record = next(record for record in records if record["split"] == "test" and len(record["captions"]) == 2)
    for caption, tokens in zip(record["captions"], record["processed_tokens"], strict=True):
        plain = "".join(letter for letter in caption.lower() if letter.isalnum() or letter.isspace())
        assert tokens == plain.split()


def test_images_with_more_than_two_captions(prepared: Prepared) -> None:
    """Ten captions, three and four: all are queries, or the first two of each image, as the published code keeps."""
    data, records = prepared("cuhk_pedes")
    loaded = load_records("replica", data, manifest=MANIFEST)
    assert sorted(len(record.captions) for record in loaded if len(record.captions) > 2) == [3, 4, 4, 10]
    for split, images, captions in (("train", 22, 47), ("val", 10, 22), ("test", 13, 34)):
        first_two = take_split(loaded, split, root=data.root, queries="first_two")
        every = take_split(loaded, split, root=data.root, queries="all")
        assert (len(first_two.image_paths), len(first_two.captions), len(every.captions)) == (images, 2 * images, captions)
        assert first_two.caption_number.tolist() == [0, 1] * images
        assert list(first_two.captions) == [text for record in records if record["split"] == split for text in record["captions"][:2]]
        assert list(every.captions) == [text for record in records if record["split"] == split for text in record["captions"]]


def test_ids_with_one_image(prepared: Prepared) -> None:
    _, records = prepared("cuhk_pedes")
    assert list(Counter(record["id"] for record in records).values()).count(1) == 3


def test_line_breaks_inside_captions(prepared: Prepared) -> None:
    _, records = prepared("cuhk_pedes")
    broken = [caption for record in records for caption in record["captions"] if "\n" in caption]
    assert len(broken) == 2
    for caption in broken:
        assert normalise_caption(caption) == " ".join(caption.lower().replace(".", " ").split())


def test_sizes_and_kinds_of_images(prepared: Prepared) -> None:
    data, records = prepared("cuhk_pedes")
    sizes, modes = set(), {}
    for record in records:
        with Image.open(data.root / "imgs" / record["file_path"]) as image:
            sizes.add(image.size)
            modes[image.mode] = data.root / "imgs" / record["file_path"]
    assert {SMALLEST, LARGEST} <= sizes
    assert set(modes) == {"RGB", "L", "LA", "P", "RGBA"}
    grey = load_image(modes["L"], (24, 12))
    assert np.array_equal(grey[..., 0], grey[..., 2])
    for mode in ("P", "RGBA"):
        assert not np.array_equal(*(load_image(modes[mode], (24, 12))[..., channel] for channel in (0, 2)))


def test_the_folders_of_icfg_are_not_its_splits(prepared: Prepared) -> None:
    _, records = prepared("icfg_pedes")
    assert {(record["split"], record["file_path"].split("/")[0]) for record in records} == {
        (split, folder) for split in ("train", "test") for folder in ("train", "test")
    }
    assert {len(record["captions"]) for record in records} == {1}


def test_captions_of_37_words(prepared: Prepared) -> None:
    _, records = prepared("icfg_pedes")
    assert {len(record["captions"][0].split()) for record in records} == {37}
    assert json.loads(MANIFEST.read_text())["truncated_captions"] == 0


def test_icfg_without_val_says_what_happens(prepared: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    data, _ = prepared("icfg_pedes")
    assert line_with(capsys.readouterr().err, "replica", "val split", "2 train persons", "test", "absent_val")
    loaded = load_records("replica", data, manifest=MANIFEST)
    held_out = with_val(loaded, how="held_out", persons=data.held_out_persons, where=Path("params/replica/data.yaml"))
    assert len({record.person for record in held_out if record.split == "val"}) == 2
    prepare("replica", data.model_copy(update={"held_out_persons": None}), output=MANIFEST)
    assert line_with(capsys.readouterr().err, "val split", "params/replica/data.yaml", "held_out_persons", "absent_val: test")


def test_a_val_split_that_leaves_nobody_to_train_on_is_refused(prepared: Prepared) -> None:
    data, _ = prepared("icfg_pedes")
    MANIFEST.unlink()
    with refused("params/replica/data.yaml", "held_out_persons", 8, "train", "8 persons") as caught:
        prepare("replica", data.model_copy(update={"held_out_persons": 8}), output=MANIFEST)
    assert len(str(caught.value).splitlines()) == 1
    assert not MANIFEST.exists()
    prepare("replica", data.model_copy(update={"held_out_persons": 7}), output=MANIFEST)


@pytest.mark.parametrize("form", ["cuhk_pedes", "rstpreid"])
def test_what_was_found_is_the_only_line(prepared: Prepared, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, records = prepared(form)
    counts = expected_counts(records)
    (line,) = capsys.readouterr().err.splitlines()
    assert carries(line, MANIFEST, "0 captions", "72 words")
    for split, found in counts.items():
        assert line_with(line.replace(";", "\n"), split, *(f"{number} {kind}" for kind, number in found.items()))


def test_the_other_spelling_of_icfg(tmp_path: Path) -> None:
    records = write_icfg_pedes(tmp_path, persons={"train": 4, "test": 4}, name="ICFG_PEDES.json")
    data = config.Data.model_validate({"format": "icfg_pedes", "root": tmp_path, "expected": expected_counts(records)})
    prepare("replica", data, output=tmp_path / "manifest.json")
    assert list(json.loads((tmp_path / "manifest.json").read_text())["annotation"]) == ["ICFG_PEDES.json"]


def test_the_layout_of_rstpreid(prepared: Prepared) -> None:
    data, records = prepared("rstpreid")
    assert {frozenset(record) for record in records} == {frozenset({"split", "captions", "img_path", "id"})}
    assert not any(path.is_dir() for path in (data.root / "imgs").iterdir())


def test_no_space_after_full_stops(prepared: Prepared) -> None:
    _, records = prepared("rstpreid")
    caption = records[0]["captions"][0]
    assert "shirt.His " in caption and "trousers.He" in caption
    assert {"shirt", "his", "trousers", "he"} <= set(normalise_caption(caption).split())


def test_cjk_characters_and_code_in_captions(prepared: Prepared) -> None:
    _, records = prepared("rstpreid")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in records[0]["captions"][1])
    assert "</p>&nbsp;{{text}}" in records[1]["captions"][0]


def test_one_caption_on_several_ids(prepared: Prepared) -> None:
    data, _ = prepared("rstpreid")
    train = take_split(load_records("replica", data, manifest=MANIFEST), "train", root=data.root)
    same = [place for place, caption in enumerate(train.captions) if caption == "A person walks along the road."]
    assert len(set(train.caption_persons[same].tolist())) == 3


def test_another_split_than_the_published_one_is_refused(prepared: Prepared) -> None:
    """As the first release of RSTPReid had: every difference is in the message, and no manifest is left."""
    data, _ = prepared("rstpreid")
    MANIFEST.unlink()
    assert data.expected is not None
    other = data.expected | {
        "train": config.Counts(persons=9, images=45, captions=90),
        "val": config.Counts(persons=3, images=15, captions=30),
    }
    with refused(data.root) as caught:
        prepare("replica", data.model_copy(update={"expected": other}), output=MANIFEST)
    for split, found, wanted in (
        *(("train", "8 persons", 9), ("train", "40 images", 45), ("train", "80 captions", 90)),
        *(("val", "4 persons", 3), ("val", "20 images", 15), ("val", "40 captions", 30)),
    ):
        assert re.search(rf"\b{split}\D+\b{found}\D+\b{wanted}\b", str(caught.value))
    assert not MANIFEST.exists()


def test_caption_all_is_refused_with_the_reason(tmp_path: Path) -> None:
    write_cuhk_pedes(tmp_path, persons=PERSONS)
    (tmp_path / "reid_raw.json").rename(tmp_path / "caption_all.json")
    data = config.Data(format="cuhk_pedes", root=tmp_path)
    with refused(tmp_path / "caption_all.json", "splits", "reid_raw.json"):
        prepare("replica", data, output=tmp_path / "manifest.json")
