"""Where weights and vocabularies come from; the hub is a folder of this test."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RemoteEntryNotFoundError, RepositoryNotFoundError

from cada.model import sources
from cada.model.sources import Source, find_source, find_vocabulary
from tests.messages import refused


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository `group/blip` in a hub that has no other."""
    folder = tmp_path / "hub"
    folder.mkdir()

    def download(repository: str, file: str) -> str:
        if repository != "group/blip":
            logging.getLogger("huggingface_hub.utils").warning("Retrying in 8s [Retry 5/5].")
            raise LocalEntryNotFoundError("An error happened, please check your connection.")
        if not (folder / file).is_file():
            raise RemoteEntryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))
        return str(folder / file)

    monkeypatch.setattr(sources, "hf_hub_download", download)
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_file_is_a_bare_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "cuhk_best.pth").touch()
    assert find_source(str(tmp_path / "cuhk_best.pth")) == Source(tmp_path / "cuhk_best.pth", None)


def test_a_folder_gives_safetensors_first(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    assert find_source(str(tmp_path)) == Source(tmp_path / "pytorch_model.bin", tmp_path / "config.json")
    (tmp_path / "model.safetensors").touch()
    assert find_source(str(tmp_path)) == Source(tmp_path / "model.safetensors", tmp_path / "config.json")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with refused(tmp_path, "model.safetensors", "pytorch_model.bin"):
        find_source(str(tmp_path))


def test_the_hub_gives_safetensors_first(hub: Path) -> None:
    (hub / "config.json").touch()
    (hub / "pytorch_model.bin").touch()
    assert find_source("group/blip") == Source(hub / "pytorch_model.bin", hub / "config.json")
    (hub / "model.safetensors").touch()
    assert find_source("group/blip") == Source(hub / "model.safetensors", hub / "config.json")


def test_what_the_hub_does_not_give_is_named(hub: Path) -> None:
    with refused("group/blip", "config.json", cause=RemoteEntryNotFoundError):
        find_source("group/blip")
    (hub / "config.json").touch()
    with refused("group/blip", "pytorch_model.bin", cause=RemoteEntryNotFoundError):
        find_source("group/blip")


@pytest.mark.usefixtures("hub")
def test_a_hub_out_of_reach_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    with refused("a/b", "config.json", "connection", cause=LocalEntryNotFoundError):
        find_source("a/b")
    assert caplog.records == []
    logging.getLogger("huggingface_hub.utils").warning("later")
    assert [record.message for record in caplog.records] == ["later"]


def test_a_repository_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_repository: str, _file: str) -> str:
        raise RepositoryNotFoundError("401 Client Error.\n\nRepository Not Found", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(sources, "hf_hub_download", refuse)
    with refused("group/none", "config.json", "repository", cause=RepositoryNotFoundError) as caught:
        find_source("group/none")
    assert str(caught.value).isprintable()


def test_a_name_that_no_repository_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with refused("a b/c", "config.json", "name", cause=HFValidationError):
        find_source("a b/c")


@pytest.mark.parametrize("name", ["weights/cuhk.pth", "group/model.safetensors", "./blip", "~/blip", "/blip", "blip", "a/b/c"])
def test_a_path_is_not_looked_for_on_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sources, "hf_hub_download")
    with refused("file or folder") as caught:
        find_source(name)
    assert str(caught.value).startswith(f"{name}: ")


def test_an_address_in_place_of_a_name_is_shown_without_its_password() -> None:
    for name in ("https://me:s3cret-word@hub/a/b", "https://hub/a/b?token=s3cret-word"):
        with refused("https://hub/a/b: ", "file or folder") as caught:
            find_source(name)
        assert "s3cret-word" not in str(caught.value)
    with refused("https://hub/vocab.txt: ", "vocabulary", "--vocabulary") as caught:
        find_vocabulary("https://me:s3cret-word@hub/vocab.txt", "blip")
    assert "s3cret-word" not in str(caught.value)


def test_the_vocabulary_that_is_chosen(hub: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.touch()
    assert find_vocabulary(str(words), "group/blip") == words
    (hub / "vocab.txt").touch()
    assert find_vocabulary("group/blip", "weights.pth") == hub / "vocab.txt"


def test_the_vocabulary_beside_the_weights(hub: Path) -> None:
    (hub / "vocab.txt").touch()
    assert find_vocabulary(None, "group/blip") == hub / "vocab.txt"
    assert find_vocabulary(None, str(hub)) == hub / "vocab.txt"


@pytest.mark.usefixtures("hub")
def test_a_bare_checkpoint_takes_bert_s_from_the_hub(tmp_path: Path) -> None:
    (tmp_path / "cuhk_best.pth").touch()
    with refused("bert-base-uncased", "connection", "--vocabulary vocab.txt", cause=LocalEntryNotFoundError):
        find_vocabulary(None, "cuhk_best.pth")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("choice", ["nowhere/vocab.txt", "words.txt"])
def test_a_missing_vocabulary_is_named(choice: str) -> None:
    with refused(choice, "--vocabulary FILE", "--vocabulary bert-base-uncased"):
        find_vocabulary(choice, "cuhk_best.pth")


def test_a_folder_without_a_vocabulary_is_named(tmp_path: Path) -> None:
    with refused(tmp_path / "vocab.txt", "--vocabulary FILE", "--vocabulary bert-base-uncased"):
        find_vocabulary(None, str(tmp_path))
