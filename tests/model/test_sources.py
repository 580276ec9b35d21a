"""Where weights and vocabularies come from; the hub is a folder of this test."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError, RepositoryNotFoundError

from cada.errors import CadaError
from cada.model import sources
from cada.model.sources import Source, find_source, find_vocabulary


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
    with pytest.raises(CadaError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        find_source(str(tmp_path))


def test_the_hub_gives_safetensors_first(hub: Path) -> None:
    (hub / "config.json").touch()
    (hub / "pytorch_model.bin").touch()
    assert find_source("group/blip") == Source(hub / "pytorch_model.bin", hub / "config.json")
    (hub / "model.safetensors").touch()
    assert find_source("group/blip") == Source(hub / "model.safetensors", hub / "config.json")


def test_what_the_hub_does_not_give_is_named(hub: Path) -> None:
    with pytest.raises(CadaError, match=r"group/blip: this repository .* has no config\.json"):
        find_source("group/blip")
    (hub / "config.json").touch()
    with pytest.raises(CadaError, match=r"group/blip: this repository .* has no pytorch_model\.bin"):
        find_source("group/blip")


@pytest.mark.usefixtures("hub")
def test_a_hub_out_of_reach_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CadaError, match=r"a/b: the Hugging Face Hub did not give config\.json \(no connection to the hub\)\. Nor is"):
        find_source("a/b")
    assert caplog.records == []
    logging.getLogger("huggingface_hub.utils").warning("later")
    assert [record.message for record in caplog.records] == ["later"]


def test_a_repository_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_repository: str, _file: str) -> str:
        raise RepositoryNotFoundError("401 Client Error.\n\nRepository Not Found", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(sources, "hf_hub_download", refuse)
    with pytest.raises(CadaError, match=r"\(there is no such repository, or you may not read it\)"):
        find_source("group/none")


def test_a_name_that_no_repository_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CadaError, match=r"config\.json \(no repository can have this name\)\. Nor is there such a file"):
        find_source("a b/c")


@pytest.mark.parametrize("name", ["weights/cuhk.pth", "group/model.safetensors", "./blip", "~/blip", "/blip", "blip", "a/b/c"])
def test_a_path_is_not_looked_for_on_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sources, "hf_hub_download")
    with pytest.raises(CadaError, match=rf"^{name}: there is no such file or folder"):
        find_source(name)


def test_an_address_in_place_of_a_name_is_said_without_its_password() -> None:
    for name in ("https://me:s3cret-word@hub/a/b", "https://hub/a/b?token=s3cret-word"):
        with pytest.raises(CadaError, match=r"^https://hub/a/b: there is no such file or folder") as refused:
            find_source(name)
        assert "s3cret-word" not in str(refused.value)
    with pytest.raises(CadaError, match=r"^https://hub/vocab\.txt: there is no such vocabulary"):
        find_vocabulary("https://me:s3cret-word@hub/vocab.txt", "blip")


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
    with pytest.raises(CadaError, match=r"bert-base-uncased: the Hugging Face Hub did not give vocab\.txt .* --vocabulary vocab\.txt"):
        find_vocabulary(None, "cuhk_best.pth")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("choice", ["nowhere/vocab.txt", "words.txt"])
def test_a_missing_vocabulary_is_named(choice: str) -> None:
    with pytest.raises(CadaError, match=rf"{choice}: there is no such vocabulary\. Name BERT's"):
        find_vocabulary(choice, "cuhk_best.pth")


def test_a_folder_without_a_vocabulary_is_named(tmp_path: Path) -> None:
    with pytest.raises(CadaError, match=r"vocab\.txt: there is no such vocabulary\. Name BERT's: --vocabulary"):
        find_vocabulary(None, str(tmp_path))
