"""Files from outside: every good form is read, every bad one gives one error, and no code in them runs."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cada.errors import CadaError
from cada.model.checkpoint import read_state


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
    with pytest.raises(CadaError, match=r"cut\.pth: .*(cut off|not a whole checkpoint|not a checkpoint)"):
        read_state(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_safetensors_file_is_named(tmp_path: Path, state: dict[str, Tensor], share: float) -> None:
    path = tmp_path / "cut.safetensors"
    save_file(state, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CadaError, match=r"cut\.safetensors: not a whole safetensors file .* Fetch it again"):
        read_state(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n<html>\nnot found</html>", r"text \(<html> \.\.\.\) and no weights: .* Fetch the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\n", r"text \(version https://git-lfs\.github\.com/spec/v1 "),
        (b"\x89PNG\r\n\x1a", "not a checkpoint of plain tensors"),
        (b"PK\x03\x04", "the file is cut off"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(CadaError, match=rf"model\.pth: {message}"):
        read_state(tmp_path / "model.pth")


def test_a_page_named_safetensors_is_said_to_be_text(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("<!DOCTYPE html>\n")
    with pytest.raises(CadaError, match=r"model\.safetensors: text \(<!DOCTYPE html> "):
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
    for name, said in {"new.pth": r"it holds getattr, which could run code", "plain.pth": "not a checkpoint of plain tensors"}.items():
        with pytest.raises(CadaError, match=f"{name}: {said}") as caught:
            read_state(tmp_path / name)
        assert "weights_only" not in str(caught.value)  # torch advises to read it all the same
        assert str(caught.value).isprintable()
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"model": {}}, {"model": {"a": 1}}, {"state_dict": {"a": 1}}, torch.zeros(3)])
def test_a_checkpoint_without_weights_is_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CadaError, match=r"other\.pth: it holds no weights"):
        read_state(tmp_path / "other.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CadaError, match=r"nowhere\.pth: there is no such file"):
        read_state(tmp_path / "nowhere.pth")
