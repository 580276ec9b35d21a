"""States of interrupted trainings: kept beside a new start, found again, resumed on request, and removed by the limits alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch

from cada.config import Storage
from cada.recipes import Identity
from cada.storage.files import atomic
from cada.storage.paths import WEIGHTS, Cell, Layout
from cada.training.states import expired, folder_of, go_on_from, kept, resumable
from tests.messages import carries, line_with, refused

CELL = Cell("toy", "dual", 3)
NOW, OTHER_CODE, OTHER_VALUES = Identity("a" * 64, "b" * 64), Identity("a" * 64, "c" * 64), Identity("d" * 64, "b" * 64)
STORAGE = Storage(states=2, state_days=30)


class Killed(Exception):
    """In place of a signal."""


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    layout = Layout("toy")
    for path in (layout.manifest, layout.phrases, layout.initial / WEIGHTS):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)


def save(path: Path, step: int) -> None:
    with atomic(path) as partial:
        torch.save({"model": {}, "optimizer": {}, "progress": {"step": step}}, partial)


def interrupted(recipe: Identity, step: int, *, storage: Storage = STORAGE) -> str:
    """The name of the state that a training leaves when it is killed."""
    with pytest.raises(Killed), resumable(CELL, recipe, storage) as path:
        save(path, step)
        raise Killed
    return path.stem


def test_the_same_recipe_and_inputs_go_on_and_success_deletes_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    name = interrupted(NOW, 7)
    with resumable(CELL, NOW, STORAGE) as path:
        assert path.stem == name and path.exists()
    assert kept(CELL) == [] and {path.name for path in folder_of(CELL).iterdir()} == {"lock"}
    assert capsys.readouterr().err == ""


def test_other_code_starts_beside_it_and_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    old = interrupted(OTHER_CODE, 41)
    with resumable(CELL, NOW, STORAGE) as path:
        assert not path.exists()
        save(path, 1)
    assert line_with(capsys.readouterr().err, "toy/dual/3", "step 41", "code", f"cada resume toy --variant dual --seed 3 {old}")
    assert [state.path.stem for state in kept(CELL)] == [old], "the finished training deletes its own state alone"

    assert go_on_from(CELL, NOW, old).step == 41
    with resumable(CELL, NOW, STORAGE) as path:
        assert torch.load(path, weights_only=True)["progress"]["step"] == 41
        save(path, 50)
        assert {state.step for state in kept(CELL)} == {41, 50}, "the state it goes on from stays as it was"


def test_other_values_or_inputs_are_kept_and_cannot_be_gone_on_from(capsys: pytest.CaptureFixture[str]) -> None:
    of_values = interrupted(OTHER_VALUES, 5)
    of_inputs = interrupted(NOW, 6)
    Layout("toy").phrases.write_text("others")
    with resumable(CELL, NOW, STORAGE):
        printed = capsys.readouterr().err
    assert carries(printed, of_values, "parameters and inputs") and "cada resume" not in printed
    assert {state.path.stem for state in kept(CELL)} == {of_values, of_inputs}
    with refused(of_values, "parameters and inputs"):
        go_on_from(CELL, NOW, of_values)
    with refused("toy/dual/3", "0123456789ab", of_values, of_inputs):
        go_on_from(CELL, NOW, "0123456789ab")


def test_the_oldest_go_when_they_are_too_many_or_too_old_and_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    names = [interrupted(Identity("a" * 64, str(number) * 64), number, storage=Storage(states=9, state_days=30)) for number in range(4)]
    for age, name in zip((40, 3, 2, 1), names, strict=True):
        path = folder_of(CELL) / f"{name}.pt"
        os.utime(path, (time.time() - age * 86400,) * 2)
    capsys.readouterr()
    assert [state.path.stem for state in expired(kept(CELL), Storage(states=9, state_days=30))] == names[:1]
    with resumable(CELL, NOW, STORAGE):
        printed = capsys.readouterr().err
    assert {state.path.stem for state in kept(CELL)} == set(names[2:])
    for name in names[:2]:
        assert line_with(printed, name, "removed", "params/storage.yaml")


def test_what_a_killed_process_left_half_written_is_removed() -> None:
    folder = folder_of(CELL)
    folder.mkdir(parents=True)
    (folder / ".abc.pt.1.partial").write_text("half")
    (folder / "abc.json").write_text("{}")
    with resumable(CELL, NOW, STORAGE):
        assert {path.suffix for path in folder.iterdir()} == {".json", ""}, "its own note, and the lock"


@pytest.mark.parametrize("note", ["", "{}", "[]", '{"values": 3}', "\x00"])
def test_a_damaged_note_is_named_and_hides_no_other_state(note: str, capsys: pytest.CaptureFixture[str]) -> None:
    other, own = interrupted(OTHER_CODE, 5), interrupted(NOW, 7)
    path = folder_of(CELL) / f"{other}.json"
    path.write_text(note)
    assert [state.path.stem for state in kept(CELL)] == [own]
    assert line_with(capsys.readouterr().err, path)
    (folder_of(CELL) / f"{own}.json").write_text(note)
    with resumable(CELL, NOW, STORAGE) as state:
        assert state.stem == own and state.exists(), "its name says what it was made from"


def test_a_damaged_state_is_named_where_its_step_is_wanted() -> None:
    path = folder_of(CELL) / f"{interrupted(NOW, 7)}.pt"
    path.write_bytes(path.read_bytes()[:100])
    with refused(path):
        print(kept(CELL)[0])


def test_a_pre_training_is_named_without_variant_and_seed(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Cell("toy", "initial", 0)
    with pytest.raises(Killed), resumable(cell, OTHER_CODE, STORAGE) as path:
        save(path, 2)
        raise Killed
    with resumable(cell, NOW, STORAGE):
        assert f"cada resume toy {path.stem}" in capsys.readouterr().err
