"""The data step: drawing, the manifest, and what goes wrong."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cada.config import Data, Persons, Synthesis
from cada.datasets.prepare import WORTH_SHARING, prepare
from cada.datasets.prepared import load_records
from cada.storage.paths import set_lock
from cada.synthpedes.generate import SYNTHESIS
from tests.datasets.conftest import MakeSet, write_annotation
from tests.messages import carries, line_with, refused

MANIFEST = Path("results/manifest.json")
PROJECT = Path(__file__).parents[2]


def drawn(persons: int = 3, seed: int = 1) -> Data:
    synthesis = Synthesis(seed=seed, persons=Persons(pretrain=3, train=persons, val=3, test=6), images_per_person=(2, 2), size=(48, 24))
    return Data(format="cuhk_pedes", root=Path("data/drawn"), gallery_parts=2, synthesis=synthesis)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def in_another_process(data: Data, *, file_size: int | None = None) -> subprocess.Popen[str]:
    """prepare() in a process of its own, with a limit to the bytes of a file."""
    code = f"""
import sys
from pathlib import Path
from cada.config import Data
from cada.datasets.prepare import prepare
from cada.errors import CadaError
try:
    prepare("drawn", Data.model_validate_json({data.model_dump_json()!r}), output=Path({str(MANIFEST)!r}))
except CadaError as error:
    sys.exit(f"cada: {{error}}")
"""

    def limit() -> None:
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.Popen([sys.executable, "-c", code], preexec_fn=limit, env=environment, stderr=subprocess.PIPE, text=True)


def test_manifest_of_a_drawn_set(workplace: Path) -> None:
    prepare("drawn", drawn(), output=MANIFEST)
    manifest = json.loads(MANIFEST.read_text())
    assert list(manifest) == ["dataset", "format", "annotation", "splits", "truncated_captions", "oracles", "images"]
    assert manifest["splits"]["test"] == {"persons": 6, "images": 12, "captions": 24}
    assert manifest["splits"]["pretrain"] == {"persons": 3, "images": 3, "captions": 6}
    assert len(manifest["images"]) == 27
    assert set(manifest["oracles"]) == {"all", "parts"}
    for scores in manifest["oracles"].values():
        assert 0 < scores["chance"] < scores["bag_of_words"] <= scores["binding"] <= 100
    assert manifest["oracles"]["all"]["chance"] == pytest.approx(100 / 6, abs=0.01)
    assert str(workplace) not in MANIFEST.read_text()


@pytest.mark.usefixtures("workplace")
def test_same_set_same_manifest() -> None:
    prepare("drawn", drawn(), output=MANIFEST)
    first = MANIFEST.read_bytes()
    prepare("drawn", drawn(), output=MANIFEST, force=True)
    assert MANIFEST.read_bytes() == first


@pytest.mark.usefixtures("workplace")
def test_a_drawn_set_is_not_drawn_again(capsys: pytest.CaptureFixture[str]) -> None:
    prepare("drawn", drawn(), output=MANIFEST)
    image = next(Path("data/drawn/imgs").rglob("*.jpg"))
    before = image.stat().st_mtime_ns
    prepare("drawn", drawn(), output=MANIFEST)
    assert image.stat().st_mtime_ns == before
    prepare("drawn", drawn(seed=2), output=MANIFEST)
    assert image.stat().st_mtime_ns != before
    assert line_with(capsys.readouterr().err, "data/drawn", "parameters")
    assert sorted(path.name for path in Path("data").iterdir()) == ["drawn"]


def test_a_folder_of_somebody_else_is_left_alone(make_set: MakeSet) -> None:
    data, _ = make_set()
    mistaken = data.model_copy(update={"synthesis": drawn().synthesis})
    for force in (False, True):
        with refused(data.root, SYNTHESIS):
            prepare("mine", mistaken, output=MANIFEST, force=force)
    assert len(list((data.root / "imgs").rglob("*.jpg"))) == 4


def test_force_is_for_drawn_sets(make_set: MakeSet) -> None:
    data, _ = make_set()
    with refused("mine", "--force", data.root, "user-supplied"):
        prepare("mine", data, output=MANIFEST, force=True)


@pytest.mark.parametrize("form", ["cuhk_pedes", "icfg_pedes", "rstpreid"])
def test_a_set_of_the_users(make_set: MakeSet, form: str) -> None:
    data, records = make_set(form)
    records[0]["captions"][0] = "word " * 100
    write_annotation(data, records)
    prepare("mine", data, output=MANIFEST)
    manifest = json.loads(MANIFEST.read_text())
    assert manifest["truncated_captions"] == 1
    assert "oracles" not in manifest
    assert [record.image for record in load_records("mine", data, manifest=MANIFEST)] == [f"train/{i}.jpg" for i in range(4)]


def test_load_before_prepare(make_set: MakeSet) -> None:
    data, _ = make_set()
    with refused(MANIFEST, "`cada data prepare mine`"):
        load_records("mine", data, manifest=MANIFEST)


def test_changed_after_prepare(make_set: MakeSet) -> None:
    data, records = make_set()
    prepare("mine", data, output=MANIFEST)
    image = data.root / "imgs/train/1.jpg"
    whole = image.read_bytes()
    remedy = "`cada data prepare mine`"

    image.write_bytes(whole + b"x")
    with refused(image, len(whole) + 1, len(whole), remedy):
        load_records("mine", data, manifest=MANIFEST)
    image.unlink()
    with refused(image, remedy, cause=FileNotFoundError):
        load_records("mine", data, manifest=MANIFEST)
    image.write_bytes(whole)
    assert len(load_records("mine", data, manifest=MANIFEST)) == 4

    records[0]["captions"][0] = records[0]["captions"][0].replace("red", "tan")
    annotation = write_annotation(data, records)
    with refused(annotation, "changed", remedy):
        load_records("mine", data, manifest=MANIFEST)
    annotation.unlink()
    with refused(annotation, "manifest", remedy):
        load_records("mine", data, manifest=MANIFEST)


@pytest.mark.usefixtures("workplace")
def test_a_changed_drawn_set_has_a_remedy_of_its_own() -> None:
    prepare("drawn", drawn(), output=MANIFEST)
    image = next(Path("data/drawn/imgs").rglob("*.jpg"))
    count = len(list(image.parent.iterdir()))
    image.unlink()
    remedy = "`cada data prepare drawn --force`", "`dvc checkout data.dvc`"
    with refused(image, *remedy, cause=FileNotFoundError):
        load_records("drawn", drawn(), manifest=MANIFEST)
    with refused(image.parent, f"1 of {count}", image.name, *remedy):
        prepare("drawn", drawn(), output=MANIFEST)


def test_a_bad_set_leaves_no_manifest(make_set: MakeSet) -> None:
    data, records = make_set()
    (data.root / "imgs/train/3.jpg").unlink()
    with refused(data.root / "imgs/train", "1 of 4", "3.jpg"):
        prepare("mine", data, output=MANIFEST)
    records[3]["captions"] = ["a " * 300]
    write_annotation(data, records)
    with refused() as caught:
        prepare("mine", data, output=MANIFEST)
    assert line_with(str(caught.value), "data/set/reid_raw.json", "train/3.jpg", "test", "caption 0", "250 words")
    assert not MANIFEST.exists()


@pytest.mark.usefixtures("workplace")
def test_killed_while_drawing() -> None:
    """What is left is never taken for a set; the next call draws all of it. The processes that draw end with the one that is killed."""
    data = drawn(persons=WORTH_SHARING)
    partial = Path("data/.drawn.partial/imgs/train")
    process = in_another_process(data)
    deadline = time.monotonic() + 60
    while not any(partial.glob("*.jpg")):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)  # as long as one of them lives, its stderr is open
    assert not data.root.exists()
    assert not MANIFEST.exists()
    prepare("drawn", data, output=MANIFEST)
    assert len(load_records("drawn", data, manifest=MANIFEST)) == 2 * (WORTH_SHARING + 3 + 6) + 3
    assert sorted(path.name for path in Path("data").iterdir()) == ["drawn"]


@pytest.mark.parametrize("file_size", [100, 3000], ids=["at an image", "at the annotation"])
@pytest.mark.usefixtures("workplace")
def test_no_space_while_drawing(file_size: int) -> None:
    process = in_another_process(drawn(), file_size=file_size)
    message = process.communicate()[1]
    assert process.returncode == 1
    assert carries(message, "cada: data/", os.strerror(errno.EFBIG)) and message.count("\n") == 1
    assert list(Path("data").iterdir()) == []
    assert not MANIFEST.exists()


@pytest.mark.usefixtures("workplace")
def test_no_space_for_the_manifest() -> None:
    prepare("drawn", drawn(), output=MANIFEST)
    MANIFEST.unlink()
    process = in_another_process(drawn(), file_size=1000)
    message = process.communicate()[1]
    assert process.returncode == 1
    assert carries(message, f"cada: {MANIFEST}", os.strerror(errno.EFBIG)) and message.count("\n") == 1
    assert list(MANIFEST.parent.iterdir()) == []


@pytest.mark.usefixtures("workplace")
def test_two_at_once() -> None:
    """The second is refused; the first goes on."""
    first = in_another_process(drawn(persons=60))
    deadline = time.monotonic() + 60
    while not Path("data/.drawn.partial").exists():
        assert first.poll() is None and time.monotonic() < deadline, first.communicate()
        time.sleep(0.002)
    with refused("data/drawn", f"PID {first.pid}", set_lock(Path("data/drawn"))):
        prepare("drawn", drawn(persons=60), output=MANIFEST)
    assert first.wait(60) == 0
    first.communicate()
    assert MANIFEST.exists()
