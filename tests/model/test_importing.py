"""Weights from outside: an account of every key. That outputs stay the same: test_blip.py and tests/doctor/test_parity.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cada.config import Architecture
from cada.model.cada import Cada
from cada.model.checkpoint import read_state
from cada.model.folder import set_weights
from cada.model.importing import Imported, import_state
from cada.model.positions import resize_positions
from tests.words import tokenizer_of

from .checkpoints import SMALL, pretraining_state, published_state

HEADS = (3, 2)
ENTRIES = range(19)


def imported(state: dict[str, Tensor], heads: tuple[int, int] | None = HEADS, image_size: tuple[int, int] | None = None) -> Imported:
    words = len(state.get("text_encoder.embeddings.word_embeddings.weight", ENTRIES))
    return import_state(state, tokenizer_of(words).entries, heads=heads, image_size=image_size)


def model_of(found: Imported) -> Cada:
    model = Cada(found.architecture, found.tokenizer)
    set_weights(model, found.weights)
    return model.eval()


def test_sizes_come_from_shapes() -> None:
    found = imported(published_state(**SMALL))
    transformer = {"width": 24, "depth": 2, "mlp": 40}
    assert found.tokenizer.size == 19
    assert found.architecture == Architecture.model_validate(
        {
            "image_size": (32, 32),
            "patch_size": (8, 8),
            "vision": transformer | {"heads": 3},
            "text": transformer | {"heads": 2},
            "projection": 256,
            "max_tokens": 20,
            "positions": 20,
        }
    )


def test_heads_are_64_wide_where_nothing_says_otherwise() -> None:
    found = imported(published_state(**SMALL | {"width": 128}), heads=None)
    assert (found.architecture.vision.heads, found.architecture.text.heads) == (2, 2)
    assert "2 heads in the image encoder, 2 in the text encoder (assumed: they are 64 wide)" in found.notes


def test_every_key_is_accounted_for() -> None:
    state = published_state(**SMALL)
    found = imported(state)
    assert set(found.origins.values()) | found.ignored.keys() == state.keys()
    assert not set(found.origins.values()) & found.ignored.keys()
    assert found.weights.keys() == found.origins.keys() | found.made.keys()
    text = found.listing()
    assert all(name in text for name in [*found.weights, *state])
    lines = found.summary()
    assert lines[0].split() == ["image_encoder", "38", "of", "38", "from", "visual_encoder.*"]
    assert "left out: 2 position ids" in lines


def test_what_blip_s_pre_training_left_is_left_out() -> None:
    state = pretraining_state(**SMALL)
    found = imported(state)
    left = [key for key in state if "_m." in key or "queue" in key or key == "temp" or key.endswith("position_ids")]
    tied = ["text_decoder.bert.embeddings.word_embeddings.weight", "text_decoder.cls.predictions.bias"]
    assert found.ignored.keys() == {*left, *tied}
    head = "text_decoder.cls.predictions.decoder"
    assert torch.equal(found.weights["attribute_decoder.bert.bert.embeddings.word_embeddings.weight"], state[f"{head}.weight"])
    assert torch.equal(found.weights["attribute_decoder.bert.cls.predictions.bias"], state[f"{head}.bias"])
    assert f"{head}.weight is taken; {tied[0]}, tied to it, differs" in found.notes
    assert {name for name, how in found.made.items() if how == "new (random, seed 0)"} == {
        "local_match_head.weight",
        "local_match_head.bias",
    }
    again = imported(state)
    assert all(torch.equal(value, again.weights[name]) for name, value in found.weights.items())
    assert found.weights["local_match_head.weight"].std() > 0


def test_weights_own_their_memory(tmp_path: Path) -> None:
    torch.save({"model": pretraining_state(**SMALL)}, tmp_path / "model.pth")
    found = imported(read_state(tmp_path / "model.pth"))
    assert len({value.untyped_storage().data_ptr() for value in found.weights.values()}) == len(found.weights)
    save_file(found.weights, tmp_path / "model.safetensors")


def test_without_a_decoder_it_starts_as_the_text_encoder() -> None:
    state = {name: value for name, value in published_state(**SMALL).items() if not name.startswith("text_decoder.")}
    found = imported(state)
    model = model_of(found)
    theirs = dict(model.attribute_decoder.bert.bert.named_parameters())
    for name, value in model.text_encoder.bert.named_parameters():
        assert torch.equal(value, theirs[name])
    predictions = model.attribute_decoder.bert.cls.predictions
    assert not predictions.bias.any() and not predictions.transform.dense.bias.any()
    assert torch.equal(predictions.transform.LayerNorm.weight, torch.ones(24))
    assert float(predictions.transform.dense.weight.detach().std()) == pytest.approx(0.02 * (768 / 24) ** 0.5, rel=0.2)
    assert sum(how == "a copy of the text encoder" for how in found.made.values()) == len(theirs) - 1
    assert any(line.startswith("attribute_decoder") and "a copy of the text encoder; " in line for line in found.summary())


def test_half_precision_becomes_single() -> None:
    state = {name: value.half() if value.is_floating_point() else value for name, value in published_state(**SMALL).items()}
    found = imported(state)
    assert {value.dtype for value in found.weights.values()} == {torch.float32}
    assert torch.equal(found.weights["match_head.weight"], state["itm_head.weight"].float())


@pytest.mark.parametrize("size", [(64, 64), (48, 16)])
def test_position_embeddings_are_resized(size: tuple[int, int]) -> None:
    state = published_state(**SMALL)
    found = imported(state, image_size=size)
    new = (size[0] // 8, size[1] // 8)
    assert found.architecture.image_size == size
    resized = resize_positions(state["visual_encoder.pos_embed"], old=(4, 4), new=new)
    assert torch.equal(found.weights["image_encoder.position_embeddings"], resized)
    assert any(f"resized from images of 32 x 32 to {size[0]} x {size[1]}" in note for note in found.notes)
    assert model_of(found).encode_images(torch.zeros(1, 3, *size))[0].shape == (1, 1 + new[0] * new[1], 24)


def test_a_grid_that_is_no_square_must_be_said() -> None:
    state = published_state(**SMALL | {"patches": 12})
    with pytest.raises(ValueError, match=r"12 patches are no square, so their grid is unknown\. Give it: image size \(height, width\)"):
        imported(state)
    found = imported(state, image_size=(48, 16))
    assert found.architecture.image_size == (48, 16)
    assert torch.equal(found.weights["image_encoder.position_embeddings"], state["visual_encoder.pos_embed"])


def without(*names: str) -> dict[str, Tensor]:
    return {name: value for name, value in published_state(**SMALL).items() if name not in names}


def with_shape(name: str, *shape: int) -> dict[str, Tensor]:
    return published_state(**SMALL) | {name: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (published_state(**SMALL) | {"head.weight": torch.zeros(2)}, r"head\.weight: not of a model of this kind"),
        (published_state(**SMALL) | {"text_encoder.pooler.dense.bias": torch.zeros(2)}, r"text_encoder\.pooler\.dense\.bias: not of a"),
        (published_state(**SMALL) | {f"extra.{n}": torch.zeros(1) for n in range(9)}, r"extra\.0, .*extra\.4 and 4 more: not of a model"),
        (without("itm_head.bias"), r"match_head\.bias is missing"),
        (without("itm_local_head.bias"), r"local_match_head\.bias is missing"),
        (without("text_decoder.cls.predictions.transform.dense.bias"), r"cls\.predictions\.transform\.dense\.bias is missing"),
        (without("visual_encoder.blocks.1.attn.qkv.bias"), r"image_encoder\.layers\.1\.query\.bias is missing; .*and|key\.bias is missing"),
        (without("visual_encoder.pos_embed"), r"visual_encoder\.pos_embed is missing, so this is no whole model"),
        (without("vision_proj.bias"), r"vision_proj\.bias is missing, so this is no whole model"),
        (with_shape("itm_head.weight", 3, 24), r"match_head\.weight has shape \(3, 24\), not \(2, 24\)"),
        (with_shape("visual_encoder.blocks.0.attn.qkv.weight", 70, 24), r"query\.weight has shape \(24, 24\)|has shape \(2[34], 24\)"),
        (with_shape("visual_encoder.pos_embed", 17, 24), r"pos_embed has shape \(17, 24\), which has not 3 dimensions"),
        (
            with_shape("text_encoder.embeddings.word_embeddings.weight", 19, 32),
            r"position_embeddings\.weight has shape \(20, 24\), not \(20, 32\)",
        ),
        ({"conv1.weight": torch.zeros(3)}, r"no text encoder \(text_encoder\.\*\), only conv1\.\*\. Retrieval"),
        ({"text_decoder.bias": torch.zeros(3)}, r"no text encoder \(text_encoder\.\*\), only text_decoder\.\*, as models for captions\."),
    ],
    ids=range(15),
)
def test_what_is_not_explained_is_named(state: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        imported(state)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (None, r"a width of 24 does not tell the number of heads\. Give it: heads \(image, text\)"),
        ((2, 5), r"^text\.heads: 5 does not divide the width 24\. This model cannot"),
    ],
)
def test_heads_that_do_not_fit_are_named(heads: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        imported(published_state(**SMALL), heads)


def test_an_image_size_that_the_patches_do_not_tile_is_named() -> None:
    with pytest.raises(ValueError, match=r"^image size: patches of 8 x 8 do not tile an image of 30 x 16\.$"):
        imported(published_state(**SMALL), image_size=(30, 16))
