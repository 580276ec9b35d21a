"""The way to weights/synthpedes-start, with its own parameters and few persons; and the shipped folder itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cada.config import Pretraining, load_dataset
from cada.model.agreement import agreed_architecture
from cada.model.folder import folder_digest, load_weights
from cada.steps.data import prepare_data
from cada.steps.initial import make_initial
from cada.steps.weights import export_weights
from cada.storage.files import read_json
from cada.storage.paths import WEIGHTS, Layout
from tests.messages import carries, refused
from tests.tracked import ROOT, copy_tracked
from tests.workflow.project import merged

SHIPPED = Path("weights/synthpedes-start")


def few_persons() -> None:
    """Three steps of the real recipe, but for the batch and the processes, in this folder."""
    copy_tracked("params", Path("params"))
    change("data", synthesis={"persons": {"pretrain": 18, "train": 3, "val": 3, "test": 3}})
    change("initial", pretrain={"optimisation": {"epochs": 1, "batch_size": 12}, "compute": {"processes": 1}})


def change(file: str, **values: Any) -> None:
    path = Path(f"params/start/{file}.yaml")
    path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), values)))


def started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The weights that the first steps make in a folder."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CADA_TRACKING", "off")
    few_persons()
    prepare_data("start")
    make_initial("start")
    return (Layout("start").initial / WEIGHTS).read_bytes()


def test_its_first_steps_are_the_same_twice_and_can_be_given_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert started(tmp_path / "one", monkeypatch) == started(tmp_path / "two", monkeypatch)
    with refused("results/synthpedes/initial/model.safetensors", "`snakemake --cores 8 all`"):
        export_weights("synthpedes", Path("weights/again"))
    capsys.readouterr()
    export_weights("start", SHIPPED)
    made = load_weights(Layout("start").initial)
    lines = yaml.safe_load(capsys.readouterr().out.split("beside `source: file`:\n")[1])
    assert lines == {"weights": {"path": str(SHIPPED), "sha256": folder_digest(SHIPPED)}}

    card = (SHIPPED / "README.md").read_text()
    assert carries(card, "18 persons", "3 steps of 12 pairs", "36 pairs", "1.00 times", "not measured", "losses", "clip_norm: 1.0")
    assert "--configfile params/start/workflow.yaml -- results/start/initial/model.safetensors" in card

    path = Path("params/smoke/initial.yaml")
    path.write_text(yaml.safe_dump({"source": "file", **lines}))
    prepare_data("smoke")
    make_initial("smoke")
    taken = load_weights(Layout("smoke").initial)
    assert taken.keys() == made.keys()
    assert all(torch.equal(taken[name], value.half().float()) for name, value in made.items())
    with refused("results/smoke/initial", "pre-trained"):
        export_weights("smoke", Path("weights/again"))


def test_the_shipped_start_is_the_one_that_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small enough for git, of the sizes of model.yaml, and its card is about the recipe that is in params/start/."""
    monkeypatch.chdir(ROOT)
    for name in ("synthpedes", "smoke"):
        parameters = load_dataset(name)
        assert parameters.initial.weights is not None
        assert agreed_architecture(Layout(name), parameters.initial.weights, parameters.model) == parameters.model.architecture
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 8e6
    card = (SHIPPED / "README.md").read_text()
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*)```", card, re.DOTALL)[1])
    start = load_dataset("start")
    assert start.initial.pretrain is not None
    assert Pretraining.model_validate(recipe["initial"]["pretrain"]) == start.initial.pretrain  # keys of later have their default
    assert recipe["model"] == start.model.model_dump(mode="json")
    assert read_json(SHIPPED / "config.json")["vision"] == recipe["model"]["vision"]
