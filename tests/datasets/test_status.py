"""What is there of each set, as `cada data status` shows it, and what `cada data validate` and `fetch` print."""

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
from cada.datasets.decoding import FORMATS as FORMATS_OF_IMAGES
from cada.datasets.formats import FORMATS
from cada.datasets.prepared import load_records
from cada.phrases.words import attribute_words
from cada.storage.files import digest
from cada.storage.paths import Layout
from tests.messages import carries, line_with
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
    """Run a command: its exit code, its output and its errors."""

    def run(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["cada", "data", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def section(text: str, dataset: str) -> dict[str, str]:
    """The lines of one set, by their names."""
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
        shown = section(text, dataset)
        assert carries(shown["root"], f"data/{public.title}", "not there")
        assert carries(shown["annotation"], "missing", *FORMATS[dataset].names)
        assert carries(shown["images"], "missing", f"data/{public.title}/imgs/")
        assert carries(shown["manifest"], "none", f"`cada data prepare {dataset}`")
        assert (shown["ask for it"], shown["terms"]) == (public.ask, public.terms)
    assert carries(section(text, "smoke")["origin"], "drawn", "`cada data prepare smoke`")


def test_from_nothing_to_a_current_manifest_and_back(cada: Run) -> None:
    records = write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    shown = section(cada("status")[1], "cuhk_pedes")
    assert shown["root"] == "data/CUHK-PEDES" and shown["annotation"] == "reid_raw.json, 0.0 MB"
    assert carries(shown["images"], f"{len(records)} files", f"{len(records)} expected", "CUHK01")
    assert carries(shown["manifest"], "none", "`cada data prepare cuhk_pedes`")
    assert cada("prepare", "cuhk_pedes")[0] == 0
    assert section(cada("status")[1], "cuhk_pedes")["manifest"] == f"current: {Layout('cuhk_pedes').manifest}"
    image = Path("data/CUHK-PEDES/imgs", records[0]["file_path"])
    image.unlink()
    shown = section(cada("status")[1], "cuhk_pedes")
    assert carries(shown["manifest"], "not current", image, "`cada data prepare cuhk_pedes`")
    assert carries(shown["images"], f"{len(records) - 1} files", f"{len(records)} expected")


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
    shown = section(cada("status")[1], "cuhk_pedes")
    assert carries(shown["images"], f"{len(records)} files", f"{len(records)} expected")
    assert shown["manifest"] == f"current: {Layout('cuhk_pedes').manifest}"
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
    assert carries(section(cada("status")[1], "cuhk_pedes")["images"], f"{len(records)} files", f"{len(records)} expected")
    image = root / "imgs" / records[0]["file_path"]
    image.unlink()
    image.symlink_to("nowhere.jpg")
    assert carries(section(cada("status")[1], "cuhk_pedes")["manifest"], "not current", image)


def test_a_set_that_may_not_be_looked_at_does_not_hide_the_others(cada: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    scan = os.scandir

    def refuse(folder: Path) -> object:
        if str(folder).startswith("data/CUHK-PEDES/imgs"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    code, text, _ = cada("status")
    assert code == 0
    assert carries(section(text, "cuhk_pedes")["images"], "data/CUHK-PEDES/imgs", os.strerror(errno.EACCES))
    assert carries(section(text, "rstpreid")["images"], "missing", "data/RSTPReid/imgs/")


def test_the_older_annotation_is_named(cada: Run) -> None:
    path = Path("data/CUHK-PEDES/caption_all.json")
    path.parent.mkdir(parents=True)
    path.write_text("[]")
    assert carries(section(cada("status")[1], "cuhk_pedes")["annotation"], "missing", path, "splits", "reid_raw.json")


def test_validate_writes_nothing(cada: Run) -> None:
    records = write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    code, text, _ = cada("validate", "cuhk_pedes")
    assert code == 0
    assert line_with(text, f"{len(records)} whole images") and "`expected`" not in text
    for split, counts in expected_counts(records).items():
        assert [split, *map(str, counts.values())] in [line.split() for line in text.splitlines()]
    assert not Path("results").exists()


def test_validate_lists_everything(cada: Run) -> None:
    """The published counts, a missing image and a broken one; `prepare` prints the same and writes nothing."""
    records = write_icfg_pedes(Path("data/ICFG-PEDES"), persons={"train": 4, "test": 4})
    Path("data/ICFG-PEDES/imgs", records[0]["file_path"]).unlink()
    Path("data/ICFG-PEDES/imgs", records[4]["file_path"]).write_text("no image")
    code, text, errors = cada("validate", "icfg_pedes")
    assert code == 1
    assert line_with(errors, "data/ICFG-PEDES", "4 persons", "3,102", "12 images", "34,674", "`expected`", "params/icfg_pedes/data.yaml")
    absent = Path("data/ICFG-PEDES/imgs", records[0]["file_path"])
    assert line_with(errors, absent.parent, "1 of 3", absent.name)
    assert line_with(errors, records[4]["file_path"], *FORMATS_OF_IMAGES)
    assert line_with(text, "22 whole images")
    assert cada("prepare", "icfg_pedes") == (1, "", errors)
    assert not Path("results/icfg_pedes/data").exists()


def test_counts_that_nobody_expects_are_not_compared(cada: Run) -> None:
    write_cuhk_pedes(Path("data/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", None)
    code, text, _ = cada("validate", "cuhk_pedes")
    assert code == 0
    assert line_with(text, "not compared", "params/cuhk_pedes/data.yaml", "`expected`")


def test_a_drawn_set_is_drawn_first(cada: Run) -> None:
    code, text, errors = cada("validate", "smoke")
    assert (code, text) == (1, "") and carries(errors, "cada: data/smoke", "`cada data prepare smoke`")


def test_fetch_then_prepare(cada: Run) -> None:
    records = write_cuhk_pedes(Path("packed/CUHK-PEDES"), persons=PERSONS)
    expect("cuhk_pedes", expected_counts(records))
    archive = shutil.make_archive("sent", "zip", "packed")
    code, text, _ = cada("fetch", "cuhk_pedes", "--archive", archive, "--sha256", digest(Path(archive)).upper())
    assert code == 0 and carries(text, "data/CUHK-PEDES", "`cada data prepare cuhk_pedes`")
    assert Path("data/CUHK-PEDES/reid_raw.json").is_file()
    assert cada("prepare", "cuhk_pedes")[0] == 0


def test_what_cannot_be_fetched(cada: Run) -> None:
    for dataset, facts in (
        ("cuhk", ("params/", "cuhk_pedes", "icfg_pedes", "rstpreid", "smoke", "start", "synthpedes")),
        ("rstpreid", (PUBLIC_SETS["rstpreid"].ask, "--archive FILE")),
        ("smoke", ("drawn", "`cada data prepare smoke`")),
    ):
        code, text, errors = cada("fetch", dataset)
        assert (code, text) == (1, "") and carries(errors, f"cada: {dataset}", *facts)


def test_the_tagger_is_found_where_it_is_unpacked(cada: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = RESOURCES / "nltk_data" / "taggers"
    if not (source / TAGGER.folder).is_dir():
        pytest.skip("NLTK's tagger is not at hand")
    Path("nltk_data").mkdir()
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "nltk_data")])
    archive = shutil.make_archive("tagger", "zip", source, TAGGER.folder)
    facts = f"{tmp_path}/nltk_data/taggers/{TAGGER.folder}: ", TAGGER.title
    code, text, errors = cada("fetch", "nltk-tagger", "--archive", archive)
    assert code == 0, errors
    assert carries(text, *facts) and "already" not in text
    assert attribute_words([["a", "red", "shirt"]]) == [[False, True, True]]
    assert carries(cada("fetch", "nltk-tagger")[1], *facts, "already")
