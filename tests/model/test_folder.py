"""A model on the disk: what was saved comes back bit for bit, and anything else is named."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cada.config import Architecture
from cada.model.cada import Cada
from cada.model.folder import load_model, load_notes, load_weights, save_model, set_weights, weights_of
from cada.storage.paths import CONFIG, VOCABULARY, WEIGHTS
from tests.messages import line_with, refused
from tests.words import tokenizer_of


@pytest.fixture
def folder(tmp_path: Path, model: Cada, architecture: Architecture, vocabulary: Path) -> Path:
    save_model(tmp_path / "model", weights_of(model), architecture=architecture, vocabulary=vocabulary)
    return tmp_path / "model"


def test_what_was_saved_comes_back(folder: Path, model: Cada, architecture: Architecture, vocabulary: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([CONFIG, VOCABULARY, WEIGHTS])
    assert (folder / VOCABULARY).read_bytes() == vocabulary.read_bytes()
    loaded = load_model(folder)
    assert loaded.architecture == architecture
    assert loaded.tokenizer.entries == model.tokenizer.entries
    assert (loaded.tokenizer.size, loaded.tokenizer.max_tokens) == (19, 12)
    assert not loaded.training
    before, after = model.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_weights_are_as_open_as_other_files(folder: Path) -> None:
    (folder / "other").touch()
    assert (folder / WEIGHTS).stat().st_mode == (folder / "other").stat().st_mode


def test_saving_again_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    loaded = load_model(str(folder))
    save_model(tmp_path / "again", weights_of(loaded), architecture=loaded.architecture, vocabulary=folder / VOCABULARY)
    assert all((folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in (CONFIG, VOCABULARY, WEIGHTS))


def test_tied_weights_are_saved_once_and_stay_tied(folder: Path) -> None:
    names = set(load_file(folder / WEIGHTS))
    assert "attribute_decoder.bert.bert.embeddings.word_embeddings.weight" in names
    assert not any("predictions.decoder" in name for name in names)
    decoder = load_model(folder).attribute_decoder.bert
    assert decoder.cls.predictions.decoder.weight is decoder.bert.embeddings.word_embeddings.weight


def test_weights_are_a_copy(model: Cada) -> None:
    weights = weights_of(model)
    before = weights["match_head.bias"].clone()
    with torch.no_grad():
        model.match_head.bias += 1
    assert torch.equal(weights["match_head.bias"], before)


def test_wrong_weights_are_named_and_change_nothing(model: Cada) -> None:
    weights = weights_of(model)
    del weights["match_head.bias"]
    weights["temp"] = torch.zeros(())
    weights["local_match_head.weight"] = torch.zeros(2, 25)
    weights["match_head.weight"] = torch.full((2, 24), 7.0)
    with refused(by=ValueError) as caught:
        set_weights(model, weights)
    facts = (" match_head.bias", "missing"), ("temp", "unknown"), ("local_match_head.weight", "(2, 25)", "(2, 24)")
    lines = [line_with(str(caught.value).replace(";", "\n"), *each) for each in facts]
    assert lines == str(caught.value).split(";")
    assert not (model.match_head.weight == 7).any()


def test_many_wrong_names_are_counted(model: Cada) -> None:
    weights = weights_of(model) | {f"queue.{number}": torch.zeros(1) for number in range(8)}
    with refused("queue.4", "unknown", "3 more", by=ValueError) as caught:
        set_weights(model, weights)
    assert "queue.5" not in str(caught.value)


def test_a_file_of_another_model_is_named(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights["text_projection.weight"]
    save_file(weights, folder / WEIGHTS)
    with refused(folder / WEIGHTS, "text_projection.weight", "missing"):
        load_model(folder)


def test_weights_that_do_not_fit_are_named_with_what_they_were_compared_to(folder: Path) -> None:
    """A vocabulary that was cut off is one, too."""
    entries = (folder / VOCABULARY).read_text().splitlines(keepends=True)
    (folder / VOCABULARY).write_text("".join(entries[:-3]))
    with refused(folder / WEIGHTS, CONFIG, VOCABULARY, f"({len(entries) + 2}, 24)", f"({len(entries) - 1}, 24)"):
        load_model(folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_named(folder: Path, share: float) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: int(share * len(content))])
    with refused(folder / WEIGHTS, "make it again", cause=SafetensorError):
        load_model(folder)


def test_a_missing_model_says_how_to_make_it(tmp_path: Path) -> None:
    with refused(tmp_path / "nowhere" / WEIGHTS, "`snakemake --cores 8 all`"):
        load_model(tmp_path / "nowhere")


def test_a_missing_vocabulary_is_named(folder: Path) -> None:
    (folder / VOCABULARY).unlink()
    with refused(folder / VOCABULARY, "model.yaml", cause=FileNotFoundError):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "facts"),
    [({"projection": None}, ("projection", "found None")), ({"image_sice": [32, 16]}, ("image_sice", "image_size"))],
)
def test_a_wrong_configuration_is_named(folder: Path, change: dict[str, object], facts: tuple[str, ...]) -> None:
    (folder / CONFIG).write_text(json.dumps(json.loads((folder / CONFIG).read_text()) | change))
    with refused(folder / CONFIG, *facts):
        load_model(folder)


def test_a_failed_save_leaves_no_weights(tmp_path: Path, model: Cada, architecture: Architecture) -> None:
    with refused(tmp_path / "nowhere.txt", os.strerror(errno.ENOENT)):
        save_model(tmp_path / "model", weights_of(model), architecture=architecture, vocabulary=tmp_path / "nowhere.txt")
    with refused(tmp_path / "model" / WEIGHTS, "`snakemake --cores 8 all`"):
        load_model(tmp_path / "model")


def test_the_folder_can_be_moved(folder: Path, tmp_path: Path, architecture: Architecture) -> None:
    torch.manual_seed(3)
    other = weights_of(Cada(architecture, tokenizer_of(19)))
    save_model(folder, other, architecture=architecture, vocabulary=shutil.copy(folder / VOCABULARY, tmp_path / "copy.txt"))
    moved = folder.rename(tmp_path / "moved")
    assert torch.equal(load_model(moved).match_head.weight, other["match_head.weight"])


def test_half_precision_on_the_disk_is_read_as_fp32(folder: Path) -> None:
    """Shipped weights are half as large; all that is computed with them is not."""
    weights = {name: value.half() for name, value in load_weights(folder).items()}
    save_model(
        folder, weights, architecture=load_model(folder).architecture, vocabulary=shutil.copy(folder / VOCABULARY, folder / "copy.txt")
    )
    found = load_weights(folder)
    assert all(value.dtype == torch.float32 and torch.equal(value, weights[name].float()) for name, value in found.items())


def test_notes_are_kept_with_the_weights_and_change_no_bytes_by_lot(folder: Path) -> None:
    weights, architecture = load_weights(folder), load_model(folder).architecture
    assert load_notes(folder) == {}
    notes = {name: 0.1 * number for number, name in enumerate(["loss_global", "step", "epoch", "lr", "loss_atp", "loss_ara"])}
    files = set()
    for place in ("one", "two"):
        save_model(folder.with_name(place), weights, architecture=architecture, vocabulary=folder / VOCABULARY, notes=notes)
        assert load_notes(folder.with_name(place)) == notes
        files.add((folder.with_name(place) / WEIGHTS).read_bytes())
    assert len(files) == 1
