"""Weights from outside: an account of every key. That outputs stay the same: test_blip.py and tests/doctor/test_parity.py."""

from __future__ import annotations

import math
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
from tests.messages import Fact, carries, line_with, refused
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
    assert any(carries(note, "2 heads", "2 in the text encoder", "64 wide") for note in found.notes)


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
    assert line_with("\n".join(lines), 2, "position ids")


def test_what_blip_s_pre_training_left_is_left_out() -> None:
    state = pretraining_state(**SMALL)
    found = imported(state)
    left = [key for key in state if "_m." in key or "queue" in key or key == "temp" or key.endswith("position_ids")]
    tied = ["text_decoder.bert.embeddings.word_embeddings.weight", "text_decoder.cls.predictions.bias"]
    assert found.ignored.keys() == {*left, *tied}
    head = "text_decoder.cls.predictions.decoder"
    assert torch.equal(found.weights["attribute_decoder.bert.bert.embeddings.word_embeddings.weight"], state[f"{head}.weight"])
    assert torch.equal(found.weights["attribute_decoder.bert.cls.predictions.bias"], state[f"{head}.bias"])
    assert line_with("\n".join(found.notes), f"{head}.weight", tied[0])
    assert {name for name, how in found.made.items() if "seed 0" in how} == {"local_match_head.weight", "local_match_head.bias"}
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
    copied = {how for how in found.made.values() if "text encoder" in how}
    assert sum(how in copied for how in found.made.values()) == len(theirs) - 1
    assert line_with("\n".join(found.summary()), "attribute_decoder", len(theirs) - 1, *copied)


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
    assert line_with("\n".join(found.notes), "position embeddings", "32 x 32", f"{size[0]} x {size[1]}")
    assert model_of(found).encode_images(torch.zeros(1, 3, *size))[0].shape == (1, 1 + new[0] * new[1], 24)


def test_a_grid_that_is_no_square_must_be_given() -> None:
    state = published_state(**SMALL | {"patches": 12})
    with refused("12 patches", "image size (height, width)", by=ValueError):
        imported(state)
    found = imported(state, image_size=(48, 16))
    assert found.architecture.image_size == (48, 16)
    assert torch.equal(found.weights["image_encoder.position_embeddings"], state["visual_encoder.pos_embed"])


def without(*names: str) -> dict[str, Tensor]:
    return {name: value for name, value in published_state(**SMALL).items() if name not in names}


def with_shape(name: str, *shape: int) -> dict[str, Tensor]:
    return published_state(**SMALL) | {name: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        (published_state(**SMALL) | {"head.weight": torch.zeros(2)}, ("head.weight", "not of")),
        (published_state(**SMALL) | {"text_encoder.pooler.dense.bias": torch.zeros(2)}, ("text_encoder.pooler.dense.bias", "not of")),
        (published_state(**SMALL) | {f"extra.{n}": torch.zeros(1) for n in range(9)}, ("extra.0", "extra.4", "4 more", "not of")),
        (without("itm_head.bias"), (" match_head.bias", "missing")),
        (without("itm_local_head.bias"), ("local_match_head.bias", "missing")),
        (
            without("text_decoder.cls.predictions.transform.dense.bias"),
            ("attribute_decoder.bert.cls.predictions.transform.dense.bias", "missing"),
        ),
        (
            without("visual_encoder.blocks.1.attn.qkv.bias"),
            (*(f"image_encoder.layers.1.{name}.bias" for name in ("query", "key", "value")), "missing"),
        ),
        (without("visual_encoder.pos_embed"), ("visual_encoder.pos_embed", "missing")),
        (without("vision_proj.bias"), ("vision_proj.bias", "missing")),
        (with_shape("itm_head.weight", 3, 24), (" match_head.weight", "(3, 24)", "(2, 24)")),
        (
            with_shape("visual_encoder.blocks.0.attn.qkv.weight", 70, 24),  # of which the query takes its 24 rows
            ("image_encoder.layers.0.key.weight", "image_encoder.layers.0.value.weight", "(23, 24)", "(24, 24)"),
        ),
        (with_shape("visual_encoder.pos_embed", 17, 24), ("visual_encoder.pos_embed", "(17, 24)", 3)),
        (
            with_shape("text_encoder.embeddings.word_embeddings.weight", 19, 32),
            ("text_encoder.bert.embeddings.position_embeddings.weight", "(20, 24)", "(20, 32)"),
        ),
        ({"conv1.weight": torch.zeros(3)}, ("text_encoder.*", "conv1.*")),
        ({"text_decoder.bias": torch.zeros(3)}, ("text_encoder.*", "text_decoder.*", "captions")),
    ],
    ids=range(15),
)
def test_what_is_not_explained_is_named(state: dict[str, Tensor], facts: tuple[Fact, ...]) -> None:
    with refused(*facts, by=ValueError):
        imported(state)


def test_the_prefix_of_several_gpus_is_taken_off() -> None:
    state = published_state(**SMALL)
    wrapped = imported({f"module.{name}": value for name, value in state.items()})
    plain = imported(state)
    assert all(torch.equal(wrapped.weights[name], value) for name, value in plain.weights.items())
    assert all(wrapped.origins[name] == f"module.{key}" for name, key in plain.origins.items())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_weight_that_is_no_number_is_named(value: float) -> None:
    state = published_state(**SMALL)
    state["visual_encoder.norm.bias"][3] = value
    with refused("visual_encoder.norm.bias", "finite", by=ValueError):
        imported(state)


def test_half_precision_is_read() -> None:
    state = published_state(**SMALL)
    for kind in (torch.bfloat16, torch.float16, torch.float64):
        found = imported({name: value.to(kind) if value.is_floating_point() else value for name, value in state.items()})
        assert {weight.dtype for weight in found.weights.values()} == {torch.float32}


@pytest.mark.parametrize(("heads", "facts"), [(None, (24, "heads (image, text)")), ((2, 5), ("text.heads", 5, 24))])
def test_heads_that_do_not_fit_are_named(heads: tuple[int, int] | None, facts: tuple[Fact, ...]) -> None:
    with refused(*facts, by=ValueError):
        imported(published_state(**SMALL), heads)


def test_an_image_size_that_the_patches_do_not_tile_is_named() -> None:
    with refused("image size", "8 x 8", "30 x 16", by=ValueError):
        imported(published_state(**SMALL), image_size=(30, 16))
