"""What is there of each set, in the words of `cada data status`, and what `cada data validate` and `fetch` say."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nltk
import pytest
import yaml

from cada.cli import main
from cada.config import load_dataset
from cada.datasets.catalogue import PUBLIC_SETS, TAGGER
from cada.datasets.formats import FORMATS
from cada.datasets.prepared import load_records
from cada.phrases.words import attribute_words
from cada.storage.files import digest
from cada.storage.paths import Layout
from tests.replicas import expected_counts, write_cuhk_pedes, write_icfg_pedes
from tests.tracked import copy_tracked

PROJECT = Path(__file__).parents[2]
Run = Callable[..., tuple[object, str, str]]
PERSONS = {"train": 4, "val": 4, "test": 4}
RESOURCES = Path(os.environ.get("CADA_RESOURCES", PROJECT.parent / "shared" / "resources"))


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parameters and nothing else."""
    copy_tracked("params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cada(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command: its exit code, and what it said."""

    def run(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["cada", "data", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def section(text: str, dataset: str) -> dict[str, str]:
    """What is said of one set."""
    lines = text.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.split(" ")[0] == dataset)
    own = []
    for line in lines[begin + 1 :]:
        if not line.startswith("  "):
            break
        own.append(line)
    return {line[2:14].strip(): line[14:] for line in own}


def expect(dataset: str, counts: object) -> None:
    path = Path("params") / dataset / "data.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"expected": counts}))


def test_nothing_is_there(cada: Run) -> None:
    code, text, _ = cada("status")
    assert code == 0
    for dataset, public in PUBLIC_SETS.items():
        said = section(text, dataset)
        assert said["root"] == f"data/{public.title}: not there"
        assert said["annotation"] == "missing: " + " or ".join(FORMATS[dataset].names)
        assert said["manifest"].startswith("none; `cada data prepare")
        assert (said["ask for it"], said["terms"]) == (public.ask, public.terms)
    assert section(text, "smoke")["origin"] == "drawn by `cada data prepare smoke`"


def test_from_nothing_to_a_current_manifest_and_back(cada: Run) -> None:
    records = write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    said = section(cada("status")[1], "cuhk_pedes")
    assert said["annotation"].startswith("reid_raw.json, 0.0 MB")
    assert said["images"].startswith(f"{len(records)} files of {len(records)} expected (CUHK01 ")
    assert said["manifest"] == "none; `cada data prepare cuhk_pedes` checks the set and writes it"
    assert cada("prepare", "cuhk_pedes")[0] == 0
    assert section(cada("status")[1], "cuhk_pedes")["manifest"] == "current: results/cuhk_pedes/data/manifest.json"
    Path("data/CUHK-PEDES/imgs", records[0]["file_path"]).unlink()
    said = section(cada("status")[1], "cuhk_pedes")
    assert said["manifest"].startswith(f"not current: data/CUHK-PEDES/imgs/{records[0]['file_path']}: there is no such image")
    assert said["images"].startswith(f"{len(records) - 1} files of {len(records)} expected")


@pytest.mark.parametrize(
    "links", [{"old": "/nonexistent"}, {"old": "."}, {"old": "old"}, {"one": "cam", "cam/two": "../other", "other/three": "../cam"}]
)
def test_links_that_no_record_names_are_the_users(cada: Run, links: dict[str, str]) -> None:
    """Under imgs/: to nowhere, back to a folder above, to itself, and two folders that hold each other."""
    root = Path("data/CUHK-PEDES")
    records = write_cuhk_pedes(root, persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    for name in ("cam", "other"):
        (root / "imgs" / name).mkdir()
    for name, target in links.items():
        (root / "imgs" / name).symlink_to(target)
    assert cada("prepare", "cuhk_pedes")[0] == 0
    said = section(cada("status")[1], "cuhk_pedes")
    assert said["images"].startswith(f"{len(records)} files of {len(records)} expected")
    assert said["manifest"].startswith("current")
    parameters = load_dataset("cuhk_pedes").data
    assert len(load_records("cuhk_pedes", parameters, manifest=Layout("cuhk_pedes").manifest)) == len(records)


def test_images_behind_a_link_count(cada: Run) -> None:
    root = Path("data/CUHK-PEDES")
    records = write_cuhk_pedes(root, persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    Path("elsewhere").mkdir()
    (root / "imgs").rename("elsewhere/imgs")
    (root / "imgs").symlink_to(Path("elsewhere/imgs").absolute())
    assert cada("prepare", "cuhk_pedes")[0] == 0
    said = section(cada("status")[1], "cuhk_pedes")
    assert said["images"].startswith(f"{len(records)} files of {len(records)} expected")
    image = root / "imgs" / records[0]["file_path"]
    image.unlink()
    image.symlink_to("nowhere.jpg")
    assert f"{image}: there is no such image" in section(cada("status")[1], "cuhk_pedes")["manifest"]


def test_a_set_that_may_not_be_looked_at_does_not_hide_the_others(cada: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    scan = os.scandir

    def refuse(folder: Path) -> object:
        if str(folder).startswith("data/CUHK-PEDES/imgs"):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    code, text, _ = cada("status")
    assert code == 0
    assert section(text, "cuhk_pedes")["images"].startswith("data/CUHK-PEDES/imgs: cannot be read: Permission denied.")
    assert section(text, "rstpreid")["images"] == "missing: data/RSTPReid/imgs/"


def test_the_older_annotation_is_said(cada: Run) -> None:
    Path("data/CUHK-PEDES").mkdir(parents=True)
    Path("data/CUHK-PEDES/caption_all.json").write_text("[]")
    said = section(cada("status")[1], "cuhk_pedes")["annotation"]
    assert said == "missing: data/CUHK-PEDES/caption_all.json: this older annotation has no splits. Ask for CUHK-PEDES' reid_raw.json."


def test_validate_writes_nothing(cada: Run) -> None:
    records = write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    code, text, _ = cada("validate", "cuhk_pedes")
    assert code == 0
    assert f"{len(records)} whole images" in text and "not compared" not in text
    for split, counts in expected_counts(records).items():
        assert [split, *map(str, counts.values())] in [line.split() for line in text.splitlines()]
    assert not Path("results").exists()


def test_validate_lists_everything(cada: Run) -> None:
    """The published counts, a missing image and a broken one; `prepare` says the same and writes nothing."""
    records = write_icfg_pedes(Path("data/ICFG-PEDES"), persons={"train": 4, "test": 4})
    Path("data/ICFG-PEDES/imgs", records[0]["file_path"]).unlink()
    Path("data/ICFG-PEDES/imgs", records[4]["file_path"]).write_text("no image")
    code, text, said = cada("validate", "icfg_pedes")
    assert code == 1
    assert "train has 4 persons, not 3,102, train has 12 images, not 34,674" in said
    assert f"1 of 3 images are missing: {Path(records[0]['file_path']).name}." in said
    assert f"{records[4]['file_path']}: not a whole image" in said
    assert "22 whole images" in text
    assert cada("prepare", "icfg_pedes") == (1, "", said)
    assert not Path("results/icfg_pedes/data").exists()


def test_counts_that_nobody_expects_are_said(cada: Run) -> None:
    write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", None)
    code, text, _ = cada("validate", "cuhk_pedes")
    assert code == 0
    assert "the counts are not compared: params/cuhk_pedes/data.yaml has no `expected`" in text


def test_a_drawn_set_is_drawn_first(cada: Run) -> None:
    assert cada("validate", "smoke") == (1, "", "cada: data/smoke: this set is not drawn yet. Run `cada data prepare smoke`.\n")


def test_fetch_then_prepare(cada: Run) -> None:
    records = write_cuhk_pedes(Path("packed/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    archive = shutil.make_archive("sent", "zip", "packed")
    code, text, _ = cada("fetch", "cuhk_pedes", "--archive", archive, "--sha256", digest(Path(archive)).upper())
    assert (code, text) == (0, "data/CUHK-PEDES: unpacked. Next: `cada data prepare cuhk_pedes`.\n")
    assert cada("prepare", "cuhk_pedes")[0] == 0


def test_what_cannot_be_fetched(cada: Run) -> None:
    assert cada("fetch", "cuhk")[2].startswith(
        "cada: cuhk: no such data set; params/ has cuhk_pedes, icfg_pedes, rstpreid, smoke, start, synthpedes."
    )
    said = f"cada: rstpreid is given on request: {PUBLIC_SETS['rstpreid'].ask}. Call again with --archive FILE.\n"
    assert cada("fetch", "rstpreid") == (1, "", said)
    assert "smoke: this set is drawn, not fetched" in cada("fetch", "smoke")[2]


def test_the_tagger_is_found_where_it_is_unpacked(cada: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = RESOURCES / "nltk_data" / "taggers"
    if not (source / TAGGER.folder).is_dir():
        pytest.skip("NLTK's tagger is not at hand")
    Path("nltk_data").mkdir()
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "nltk_data")])
    archive = shutil.make_archive("tagger", "zip", source, TAGGER.folder)
    code, text, said = cada("fetch", "nltk-tagger", "--archive", archive)
    assert (code, text) == (0, f"{tmp_path}/nltk_data/taggers/{TAGGER.folder}: {TAGGER.title}\n"), said
    assert attribute_words([["a", "red", "shirt"]]) == [[False, True, True]]
    assert cada("fetch", "nltk-tagger")[1] == f"{tmp_path}/nltk_data/taggers/{TAGGER.folder}: {TAGGER.title} is there already.\n"
