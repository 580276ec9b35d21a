"""The page docs/own-captions.md, followed to the letter with twelve images."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from cada import config
from cada.cli import main
from cada.datasets.prepared import load_records
from cada.phrases.table import read_phrases
from cada.recipes import Recipe, take
from cada.recipes.models import PhrasesRecipe, TrainRecipe
from cada.runtime.parent_process import IN_WORKFLOW
from cada.steps.common import records_with_val
from cada.storage.paths import Layout
from tests.messages import Fact, carries, line_with
from tests.tracked import copy_tracked

PAGE = (Path(__file__).parents[2] / "docs" / "own-captions.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL))
PERSONS = range(1, 7)


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the page says, for six persons with two images of two captions each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(IN_WORKFLOW, raising=False)
    copy_tracked("params", tmp_path / "params")
    ((source, target),) = re.findall(r"`cp -r (\S+) (\S+)`", PAGE)
    shutil.copytree(source, target)
    Path(target, "data.yaml").write_text(BLOCKS["yaml"])
    header, first, second = BLOCKS["csv"].splitlines()
    lines = [header]
    for person in PERSONS:
        for number in range(2):
            name = f"entrance/{person}_{number}.jpg"
            path = Path("data/mine/imgs", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.frombytes("RGB", (10, 20), random.Random(name).randbytes(600)).save(path)
            lines += [row.replace("entrance/0001.jpg,17,", f"{name},{person},") for row in (first, second)]
    Path("data/mine/captions.csv").write_text("\n".join(lines) + "\n")


def commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the page's commands print, one after the other."""
    for line in BLOCKS["sh"].splitlines():
        monkeypatch.setattr("sys.argv", shlex.split(line, comments=True))
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
    return "".join(capsys.readouterr())


@pytest.mark.usefixtures("followed")
def test_the_page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert line_with(commands(capsys, monkeypatch), "12 whole images")
    manifest = json.loads(Layout("mine").manifest.read_text())
    assert manifest["splits"] == {
        "train": {"persons": 4, "images": 8, "captions": 16},
        "test": {"persons": 2, "images": 4, "captions": 8},
    }
    assert list(manifest["annotation"]) == ["captions.csv"] and len(manifest["images"]) == 12
    phrases = read_phrases(Layout("mine").phrases, "mine")
    assert set(phrases["text"]) == {"man", "red shirt", "black backpack", "blue jeans", "white shoes"} - {"man"}
    assert phrases.groupby("image").size().eq(4).all()
    recipe = take(Recipe("phrases", "mine"), PhrasesRecipe)
    records = load_records("mine", recipe.source, manifest=Layout("mine").manifest)
    assert [record.captions for record in records] == [tuple(row["caption"] for row in _captions())] * 12


@pytest.mark.usefixtures("followed")
def test_every_step_sees_the_same_splits(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By digest the persons are in the order 4, 3, 1, 2, ...: see test_holdout."""
    commands(capsys, monkeypatch)
    recipe = take(Recipe("train", "mine", "dual"), TrainRecipe)
    records = records_with_val("mine", recipe.source, recipe.switches, held_out_persons=recipe.held_out_persons)
    persons = {split: {record.person for record in records if record.split == split} for split in ("train", "val", "test")}
    assert persons == {"test": {3, 4}, "val": {1, 2}, "train": {5, 6}}
    exec(BLOCKS["python"], scope := {})
    assert {record.person for record in scope["records"] if record.split == "test"} == persons["test"]


@pytest.mark.usefixtures("followed")
def test_persons_with_names(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest gives the numbers back their names."""
    path, names = Path("data/mine/captions.csv"), dict(zip(PERSONS, ("zoe", "bert", "P-0017", "dora", "anna", "émile"), strict=True))
    table = pd.read_csv(path)
    table.assign(person=table["person"].map(names)).to_csv(path, index=False)
    commands(capsys, monkeypatch)
    manifest = json.loads(Layout("mine").manifest.read_text())
    assert list(manifest["persons"].items()) == [(name, number) for number, name in enumerate(sorted(names.values()), start=1)]
    recipe = take(Recipe("train", "mine", "dual"), TrainRecipe)
    records = records_with_val("mine", recipe.source, recipe.switches, held_out_persons=recipe.held_out_persons)
    assert all(manifest["persons"][record.name] == record.person for record in records)
    ordered = sorted(names.values(), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    for split, chosen in (("test", ordered[:2]), ("val", ordered[2:4]), ("train", ordered[4:])):
        assert {record.name for record in records if record.split == split} == set(chosen)


@pytest.mark.usefixtures("followed")
@pytest.mark.parametrize(
    ("key", "value", "facts"),
    [
        ("test_persons", None, ("test_persons", "missing", "data/mine/captions.csv")),
        ("test_persons", 7, ("test_persons", 7, "data/mine/captions.csv", "6 persons")),
        ("test_persons", 1, ("data.yaml", "test_persons", 1)),
        ("held_out_persons", 1, ("data.yaml", "held_out_persons", 1)),
        ("held_out_persons", 5, ("held_out_persons", 5, "train", "4 persons")),
        ("annotation", "caption.csv", ("data/mine", "caption.csv", "`root`", "`annotation`")),
        ("annotation", None, ("annotation", "missing")),
        ("format", "csv", ("format", "'csv'", "table")),
        ("root", "data/my", ("data/my", "captions.csv", "`root`")),
    ],
)
def test_a_wrong_value_is_named(
    key: str, value: object, facts: tuple[Fact, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("params/mine/data.yaml")
    values = yaml.safe_load(path.read_text()) | {key: value}
    path.write_text(yaml.safe_dump({name: value for name, value in values.items() if value is not None}))
    for command in ("validate", "prepare"):
        monkeypatch.setattr("sys.argv", ["cada", "data", command, "mine"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1 and line_with(capsys.readouterr().err, path, *facts)
    assert not Layout("mine").manifest.exists()


@pytest.mark.usefixtures("followed")
def test_a_table_without_test_persons_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("data/mine/captions.csv")
    pd.read_csv(path).assign(split="train").to_csv(path, index=False)
    Path("params/mine/data.yaml").write_text("format: table\nroot: data/mine\nannotation: captions.csv\n")
    config.load_dataset("mine")
    monkeypatch.setattr("sys.argv", ["cada", "data", "prepare", "mine"])
    with pytest.raises(SystemExit):
        main()
    assert carries(capsys.readouterr().err, "data/mine", "split test")


def _captions() -> list[dict[str, str]]:
    return list(csv.DictReader(BLOCKS["csv"].splitlines()))
