"""Names of the published checkpoint to ours: the fixture's, the whole list at base size, and where each lands in the ViT."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cada.config import Architecture, Transformer
from cada.doctor.parity import load_vectors
from cada.model.cada import Cada
from cada.model.folder import check_weights
from cada.model.importing import import_state
from cada.model.names import parameters_of
from cada.model.published import pieces, published_gradients, translate, without_use
from tests.words import tokenizer_of

from .checkpoints import BASE, published_shapes

FIXTURES = Path(__file__).parents[1] / "fixtures" / "parity"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return torch.load(FIXTURES / "official_checkpoint.pth", weights_only=True)["model"]


@pytest.fixture(scope="module")
def twin() -> Cada:
    """A model of the fixture's sizes with its weights."""
    return load_vectors(FIXTURES).model


def weights_in(state: dict[str, Tensor], twin: Cada) -> dict[str, Tensor]:
    sizes = twin.architecture
    return import_state(state, twin.tokenizer.entries, heads=(sizes.vision.heads, sizes.text.heads)).weights


def test_every_name_of_the_fixture_is_translated_and_every_parameter_is_given(state: dict[str, Tensor], twin: Cada) -> None:
    weights, ours = weights_in(state, twin), parameters_of(twin)
    assert weights.keys() == ours.keys()
    assert all(weights[name].shape == ours[name].shape for name in ours)
    assert without_use(state).keys() == {
        "text_encoder.embeddings.position_ids",
        "text_decoder.bert.embeddings.position_ids",
        "text_decoder.bert.embeddings.word_embeddings.weight",
        "text_decoder.cls.predictions.bias",
    }


def test_what_carries_nothing_of_its_own_is_a_copy(state: dict[str, Tensor]) -> None:
    head = "text_decoder.cls.predictions"
    assert torch.equal(state[f"{head}.decoder.weight"], state["text_decoder.bert.embeddings.word_embeddings.weight"])
    assert torch.equal(state[f"{head}.decoder.bias"], state[f"{head}.bias"])


def test_the_checkpoint_of_the_paper_s_size_fits() -> None:
    """799 entries and 361,335,104 parameters, on the meta device: names and shapes only."""
    shapes = published_shapes(**BASE)
    sizes = Transformer(width=768, depth=12, heads=12, mlp=3072)
    architecture = Architecture(image_size=(224, 224), patch_size=(16, 16), vision=sizes, text=sizes, projection=256)
    with torch.device("meta"):
        model = Cada(architecture, tokenizer_of(30524))
        state = {name: torch.empty(shape) for name, shape in shapes.items()}
    assert len(shapes) == 799
    useless = without_use(state)
    assert sum(math.prod(shapes[name]) for name in shapes if name not in useless) == 361_335_104
    weights = {ours: value for name in shapes if name not in useless for ours, value in pieces(name, state[name]).items()}
    token_types = {name: value for name, value in parameters_of(model).items() if "token_type" in name}
    assert len(token_types) == 2
    check_weights(model, weights | token_types)


def test_the_fused_projection_is_cut_in_three(state: dict[str, Tensor], twin: Cada) -> None:
    ours = parameters_of(twin)
    for kind in ("weight", "bias"):
        fused = state[f"visual_encoder.blocks.1.attn.qkv.{kind}"]
        for place, part in enumerate(["query", "key", "value"]):
            piece = ours[f"image_encoder.layers.1.{part}.{kind}"]
            for row in range(len(piece)):
                assert torch.equal(piece[row], fused[place * len(piece) + row])


def test_gradients_go_back_under_the_published_names(state: dict[str, Tensor], twin: Cada) -> None:
    """A loss whose gradient is the weight itself."""
    twin.zero_grad(set_to_none=True)
    sum(value.square().sum() / 2 for value in twin.parameters() if value.requires_grad).backward()
    names = [name for name in state if name not in without_use(state)]
    gradients = published_gradients(twin, names)
    assert gradients.keys() == set(names)
    assert all(torch.equal(gradients[name], state[name]) for name in names)
    twin.zero_grad(set_to_none=True)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("visual_encoder.blocks.11.attn.qkv.bias", tuple(f"image_encoder.layers.11.{part}.bias" for part in ("query", "key", "value"))),
        ("visual_encoder.pos_embed", ("image_encoder.position_embeddings",)),
        ("visual_encoder.norm.weight", ("image_encoder.norm.weight",)),
        ("text_decoder.cls.predictions.decoder.weight", ("attribute_decoder.bert.bert.embeddings.word_embeddings.weight",)),
        ("text_decoder.cls.predictions.decoder.bias", ("attribute_decoder.bert.cls.predictions.bias",)),
        ("text_decoder.cls.predictions.bias", ("attribute_decoder.bert.cls.predictions.bias",)),
        ("itm_local_head.bias", ("local_match_head.bias",)),
    ],
)
def test_names_by_hand(name: str, ours: tuple[str, ...]) -> None:
    assert translate(name) == ours


def test_what_the_pre_training_left_is_known_by_name(state: dict[str, Tensor], twin: Cada) -> None:
    left = ["image_queue", "text_queue", "queue_ptr", "idx_queue", "ptr_queue", "temp", "vision_proj_m.weight"]
    left += ["visual_encoder_m.blocks.0.attn.qkv.weight", "text_encoder_m.embeddings.position_ids", "text_proj_m.bias"]
    weights = weights_in(state | {name: torch.zeros(3) for name in left}, twin)
    assert all(torch.equal(value, weights[name]) for name, value in weights_in(state, twin).items())


def test_the_head_that_is_loaded_last_wins(state: dict[str, Tensor], twin: Cada) -> None:
    """BLIP's pre-training leaves a bias without the two extra tokens, and a head that is not the embeddings."""
    head = "text_decoder.cls.predictions"
    other = torch.full_like(state[f"{head}.decoder.weight"], 3.0)
    weights = weights_in(state | {f"{head}.decoder.weight": other, f"{head}.bias": state[f"{head}.bias"][:-2]}, twin)
    assert torch.equal(weights["attribute_decoder.bert.bert.embeddings.word_embeddings.weight"], other)
    assert torch.equal(weights["attribute_decoder.bert.cls.predictions.bias"], state[f"{head}.decoder.bias"])
    alone = {name: value for name, value in state.items() if not name.startswith(f"{head}.decoder")}
    weights = weights_in(alone, twin)
    assert torch.equal(weights["attribute_decoder.bert.cls.predictions.bias"], state[f"{head}.bias"])


@pytest.mark.parametrize(
    "name",
    [
        "temperature",
        "text_encoder_k.embeddings.LayerNorm.weight",
        "visual_encoder.head.weight",
        "visual_encoder.blocks.0.attn.out.weight",
        "visual_encoder.blocks.x.attn.qkv.weight",
        "visual_encoder.dist_token",
    ],
)
def test_a_foreign_name_is_none(name: str) -> None:
    assert translate(name) == ()
