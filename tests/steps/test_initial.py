"""`source: file`: imported weights as model.yaml wants them, and every way in which the two can disagree."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cada.model.folder import folder_digest, load_model, load_weights
from cada.model.positions import resize_positions
from cada.steps.initial import make_initial
from cada.steps.weights import import_weights
from cada.storage.files import read_json
from cada.storage.paths import Layout
from tests.messages import line_with, refused
from tests.tracked import copy_tracked

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "parity"
PRETRAIN = yaml.safe_load((ROOT / "params/start/initial.yaml").read_text())["pretrain"]


class Recipe:
    """params/own/: the smoke recipe with other weights and another model."""

    folder = Path("params/own")

    def __init__(self) -> None:
        sizes = read_json(FIXTURES / "golden.json")["config"]
        import_weights(
            str(FIXTURES / "official_checkpoint.pth"),
            Path("weights/official"),
            vocabulary=str(FIXTURES / "vocab.txt"),
            heads=(sizes["vision_heads"], sizes["text_heads"]),
        )
        copy_tracked("params/procedures", Path("params/procedures"))
        copy_tracked("params/smoke", self.folder)
        (self.folder / "model.yaml").write_text(Path("weights/official/config.json").read_text())
        self.write(
            "initial", {"source": "file", "weights": {"path": "weights/official", "sha256": folder_digest(Path("weights/official"))}}
        )

    def write(self, file: str, values: dict[str, Any]) -> None:
        (self.folder / f"{file}.yaml").write_text(yaml.safe_dump(values))

    def change(self, file: str, **values: Any) -> None:
        self.write(file, yaml.safe_load((self.folder / f"{file}.yaml").read_text()) | values)

    def use_vocabulary(self, path: Path) -> None:
        self.change("model", vocabulary={"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.chdir(tmp_path)
    return Recipe()


@pytest.mark.usefixtures("recipe")
def test_the_weights_are_taken_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    make_initial("own")
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        assert (Layout("own").initial / name).read_bytes() == Path("weights/official", name).read_bytes()
    assert capsys.readouterr().err == ""


def test_dropout_and_the_length_of_captions_are_the_recipe_s(recipe: Recipe) -> None:
    recipe.change("model", dropout=0.3, max_tokens=20)
    make_initial("own")
    model = load_model(Layout("own").initial)
    assert (model.architecture.dropout, model.tokenizer.max_tokens) == (0.3, 20)
    assert model.text_encoder.bert.config.hidden_dropout_prob == 0.3


@pytest.mark.parametrize("size", [(96, 96), (128, 32)])
def test_another_image_size_resizes_and_says_so(recipe: Recipe, size: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    recipe.change("model", image_size=list(size))
    make_initial("own")
    assert line_with(capsys.readouterr().err, "params/own/model.yaml", "image_size", str(size), "position embeddings", "(64, 64)")
    before, after = load_weights(Path("weights/official")), load_weights(Layout("own").initial)
    name = "image_encoder.position_embeddings"
    assert torch.equal(after.pop(name), resize_positions(before.pop(name), old=(4, 4), new=(size[0] // 16, size[1] // 16)))
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert load_model(Layout("own").initial).architecture.image_size == size


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("projection", 7, "7"),
        ("positions", 99, "99"),
        ("text", {"width": 48, "depth": 9, "heads": 4, "mlp": 96}, "{'width': 48, 'depth': 9, 'heads': 4, 'mlp': 96}"),
        ("patch_size", [8, 8], "(8, 8)"),
    ],
)
def test_sizes_that_disagree_are_named(recipe: Recipe, key: str, value: object, shown: str) -> None:
    weights = Path("weights/official/config.json")
    theirs = dict(load_model(weights.parent).architecture)[key]
    recipe.change("model", **{key: value})
    with refused(f"params/own/model.yaml: {key}", shown, weights, str(theirs if isinstance(theirs, int | tuple) else theirs.model_dump())):
        make_initial("own")
    assert not Layout("own").initial.exists()


def test_the_same_vocabulary_may_be_named(recipe: Recipe) -> None:
    recipe.use_vocabulary(Path(shutil.copy(FIXTURES / "vocab.txt", "same.txt")))
    make_initial("own")
    assert (Layout("own").initial / "vocab.txt").read_bytes() == (FIXTURES / "vocab.txt").read_bytes()


def test_another_vocabulary_is_named(recipe: Recipe) -> None:
    Path("other.txt").write_text((FIXTURES / "vocab.txt").read_text() + "more\n")
    recipe.use_vocabulary(Path("other.txt"))
    with refused("params/own/model.yaml: vocabulary", "other.txt", "weights/official/vocab.txt"):
        make_initial("own")


@pytest.mark.usefixtures("recipe")
def test_changed_weights_are_named() -> None:
    named = folder_digest(Path("weights/official"))
    with Path("weights/official/vocab.txt").open("a") as file:
        file.write("more\n")
    with refused("weights/official", "digest", folder_digest(Path("weights/official")), "params/own/initial.yaml", named):
        make_initial("own")


def test_missing_weights_are_named(recipe: Recipe) -> None:
    recipe.change("initial", weights={"path": "weights/blip", "sha256": "0" * 64})
    with refused("weights/blip/model.safetensors", "`cada weights import`"):
        make_initial("own")


@pytest.mark.parametrize(
    "initial",
    [
        {"source": "file"},
        {"source": "pretrain"},
        {"source": "file", "pretrain": PRETRAIN},
        {"source": "pretrain", "weights": {"path": "weights/official", "sha256": "0" * 64}, "pretrain": PRETRAIN},
        {"source": "file", "weights": {"path": "weights/official", "sha256": "0" * 64}, "pretrain": PRETRAIN},
    ],
)
def test_a_source_with_the_wrong_section_is_named(recipe: Recipe, initial: dict[str, Any]) -> None:
    recipe.write("initial", initial)
    with refused("params/own/initial.yaml", "`source: file`", "`weights`", "`pretrain`"):
        make_initial("own")


def test_pre_training_needs_a_vocabulary(recipe: Recipe) -> None:
    recipe.write("initial", {"source": "pretrain", "pretrain": PRETRAIN})
    with refused("params/own/model.yaml: vocabulary", "missing", "pre-training"):
        make_initial("own")
