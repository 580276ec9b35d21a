"""Files from outside: every good form is read, every bad one gives one error, and no code in them runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from cada.model.checkpoint import read_state
from tests.messages import refused


@pytest.fixture
def state() -> dict[str, Tensor]:
    return {"a.weight": torch.randn(30, 40), "a.bias": torch.randn(30), "ids": torch.arange(5)}


def assert_equal(found: dict[str, Tensor], state: dict[str, Tensor]) -> None:
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_bare_tensors_and_tensors_under_model(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, tmp_path / "bare.bin")
    torch.save({"model": state, "optimizer": {"state": {}, "lr": 0.1}, "config": {"vit": "base"}, "epoch": 3}, tmp_path / "whole.pth")
    save_file(state, tmp_path / "bare.safetensors")
    for name in ("bare.bin", "whole.pth", "bare.safetensors"):
        assert_equal(read_state(tmp_path / name), state)


def test_the_old_format_is_read(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save({"model": state}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_equal(read_state(tmp_path / "old.pth"), state)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.03, 0.05, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_checkpoint_is_named(tmp_path: Path, state: dict[str, Tensor], share: float, zipped: bool) -> None:
    path = tmp_path / "cut.pth"
    torch.save({"model": state}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with refused(path, "again"):  # as what it is seen to be cut depends on the place
        read_state(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_safetensors_file_is_named(tmp_path: Path, state: dict[str, Tensor], share: float) -> None:
    path = tmp_path / "cut.safetensors"
    save_file(state, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with refused(path, "again", cause=SafetensorError):
        read_state(path)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"\n<html>\nnot found</html>", ("text", "<html>", "Git LFS")),
        (b"version https://git-lfs.github.com/spec/v1\n", ("text", "version https://git-lfs.github.com/spec/v1", "Git LFS")),
        (b"\x89PNG\r\n\x1a", ("tensors", "again")),
        (b"PK\x03\x04", ("cut off", "again")),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, facts: tuple[str, ...]) -> None:
    (tmp_path / "model.pth").write_bytes(content)
    with refused(tmp_path / "model.pth", *facts):
        read_state(tmp_path / "model.pth")


def test_a_page_named_safetensors_is_called_text(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("<!DOCTYPE html>\n")
    with refused(tmp_path / "model.safetensors", "text", "<!DOCTYPE html>"):
        read_state(tmp_path / "model.safetensors")


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save({"model": state, "config": Harmful(tmp_path / "harm")}, tmp_path / "new.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Harmful(tmp_path / "harm")))
    for name, facts in {"new.pth": ("getattr", "code"), "plain.pth": ("tensors", "again")}.items():
        with refused(tmp_path / name, *facts) as caught:
            read_state(tmp_path / name)
        assert "weights_only" not in str(caught.value)  # torch advises to read it all the same
        assert str(caught.value).isprintable()
    assert not (tmp_path / "harm").exists()


class Shell:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("exit 1",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_the_usual_attack_is_called_code(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save({"model": state, "config": Shell()}, tmp_path / "shell.pth")
    with refused(tmp_path / "shell.pth", "system", "code"):
        read_state(tmp_path / "shell.pth")


@pytest.mark.filterwarnings("ignore:Sparse", "ignore:.*quantize")
def test_tensors_that_are_no_plain_arrays_are_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    strange = {
        "terabytes": torch.zeros(1).expand(2**20, 2**20),
        "sparse": state["a.weight"].to_sparse(),
        "quantised": torch.quantize_per_tensor(state["a.weight"], 0.1, 0, torch.qint8),
    }
    for name, value in strange.items():
        torch.save({"model": state | {name: value}}, tmp_path / "strange.pth")
        with refused(tmp_path / "strange.pth", name, "array"):
            read_state(tmp_path / "strange.pth")
    assert_equal(
        read_state(saved(tmp_path, {"a": (tied := torch.arange(6.0)), "b": tied, "c": tied[2:4], "d": tied.view(2, 3).T})),
        {"a": tied, "b": tied, "c": tied[2:4], "d": tied.view(2, 3).T},
    )


def saved(folder: Path, state: dict[str, Tensor]) -> Path:
    torch.save(state, folder / "saved.pth")
    return folder / "saved.pth"


@pytest.mark.parametrize("content", [[1, 2], {}, {"model": {}}, {"model": {"a": 1}}, {"state_dict": {"a": 1}}, torch.zeros(3)])
def test_a_checkpoint_without_weights_is_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with refused(tmp_path / "other.pth", "weights", "`model`"):
        read_state(tmp_path / "other.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with refused(tmp_path / "nowhere.pth", "no such file"):
        read_state(tmp_path / "nowhere.pth")
