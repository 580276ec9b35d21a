"""BLIP as transformers saves it: the same outputs after the import, and models that cannot start retrieval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval, BlipForQuestionAnswering, BlipModel

from cada.model.blip import published_name, read_config
from cada.model.cada import Cada
from cada.model.checkpoint import read_state
from cada.model.folder import set_weights
from cada.model.importing import Imported, import_state
from cada.model.sources import find_source
from tests.messages import carries, line_with, refused
from tests.words import tokenizer_of

SIZES = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2}
TEXT = SIZES | {"vocab_size": 19, "num_attention_heads": 2, "max_position_embeddings": 20, "bos_token_id": 17, "sep_token_id": 3}
VISION = SIZES | {"num_attention_heads": 4, "image_size": 32, "patch_size": 8, "layer_norm_eps": 1e-6}


def random_model(kind: type = BlipForImageTextRetrieval, **vision: object) -> torch.nn.Module:
    torch.manual_seed(0)
    config = BlipConfig(text_config=dict(TEXT), vision_config=VISION | vision, image_text_hidden_size=12)
    model = kind(config).eval()
    with torch.no_grad():
        for value in model.parameters():  # biases and norms start as zeros and ones, which would hide a mistake
            value.add_(torch.randn_like(value) * 0.1)
    return model


def imported(folder: Path) -> Imported:
    source = find_source(str(folder))
    assert source.config is not None
    config = read_config(source.config)
    return import_state(read_state(source.weights), tokenizer_of(19).entries, config=config)


def model_of(found: Imported) -> Cada:
    model = Cada(found.architecture, found.tokenizer)
    set_weights(model, found.weights)
    return model.eval()


@torch.no_grad()
@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_the_outputs_stay_the_same(tmp_path: Path, file: str) -> None:
    theirs = random_model()
    theirs.save_pretrained(tmp_path)
    if file == "pytorch_model.bin":
        (tmp_path / "model.safetensors").unlink()
        torch.save(theirs.state_dict(), tmp_path / file)
    ours = model_of(imported(tmp_path))

    images, ids, mask = torch.randn(3, 3, 32, 32), torch.randint(0, 19, (3, 7)), torch.ones(3, 7, dtype=torch.long)
    mask[1, 5:] = mask[2, 3:] = 0

    def close(found: Tensor, expected: Tensor) -> None:
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, atol=1e-5)

    tokens, features = ours.encode_images(images)
    hidden = theirs.vision_model(images).last_hidden_state
    close(tokens, hidden)
    close(features, theirs.vision_proj(hidden[:, 0]))
    text = theirs.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    close(ours.text_encoder(ids, mask), text)
    close(ours.encode_text(ids, mask), theirs.text_proj(text[:, 0]))
    everywhere = torch.ones(hidden.shape[:2], dtype=torch.long)
    seen = theirs.text_encoder(
        input_ids=ids, attention_mask=mask, encoder_hidden_states=hidden, encoder_attention_mask=everywhere
    ).last_hidden_state
    close(ours.text_encoder(ids, mask, tokens), seen)
    close(ours.match_head(ours.text_encoder(ids, mask, tokens)[:, 0]), theirs(ids, images, attention_mask=mask).itm_score)
    assert not torch.allclose(seen, text, atol=0.01)


def test_every_key_is_accounted_for(tmp_path: Path) -> None:
    theirs = random_model()
    theirs.save_pretrained(tmp_path)
    found = imported(tmp_path)
    assert set(found.origins.values()) == theirs.state_dict().keys()
    assert found.ignored == {}
    (note,) = found.notes
    assert carries(note, "4 heads", "2 in the text encoder", "config.json")
    assert {how.partition(" ")[0] for how in found.made.values()} == {"zero", "a", "new"}
    assert {name.partition(".")[0] for name in found.made} == {"text_encoder", "attribute_decoder", "local_match_head"}


def test_another_epsilon_is_noted(tmp_path: Path) -> None:
    random_model(layer_norm_eps=1e-5).save_pretrained(tmp_path)
    assert line_with("\n".join(imported(tmp_path).notes), "vision_config.layer_norm_eps", "1e-05", "config.json", "1e-06")


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (BlipForConditionalGeneration, ("text_encoder.*", "text_decoder.*, visual_encoder.*", "captions")),
        (BlipForQuestionAnswering, ("vision_proj.bias", "missing")),
        (BlipModel, ("text_encoder.*", "logit_scale.*, text_model.*")),
    ],
)
def test_models_for_something_else_are_refused(tmp_path: Path, kind: type, facts: tuple[str, ...]) -> None:
    random_model(kind).save_pretrained(tmp_path)
    with refused(*facts, by=ValueError):
        imported(tmp_path)


def test_keys_that_the_configuration_leaves_out_have_transformers_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "blip", "vision_config": {"image_size": [384, 128]}}))
    sizes = read_config(tmp_path / "config.json")
    assert sizes.heads == (12, 8)
    assert sizes.image_size == (384, 128)


@pytest.mark.parametrize(
    ("config", "facts"),
    [
        ({"model_type": "bert"}, ("model_type", "BLIP")),
        ([], ("model_type", "BLIP")),
        ({"model_type": "blip", "text_config": {"hidden_act": "relu"}}, ("text_config.hidden_act", "relu", "gelu")),
    ],
)
def test_another_configuration_is_named(tmp_path: Path, config: object, facts: tuple[str, ...]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with refused(tmp_path / "config.json", *facts):
        read_config(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("vision_model.embeddings.class_embedding", "visual_encoder.cls_token"),
        ("vision_model.embeddings.patch_embedding.bias", "visual_encoder.patch_embed.proj.bias"),
        ("vision_model.encoder.layers.10.self_attn.projection.weight", "visual_encoder.blocks.10.attn.proj.weight"),
        ("vision_model.post_layernorm.weight", "visual_encoder.norm.weight"),
        ("vision_model.encoder.layers.0.self_attn.q_proj.weight", "vision_model.encoder.layers.0.self_attn.q_proj.weight"),
        ("text_encoder.embeddings.LayerNorm.bias", "text_encoder.embeddings.LayerNorm.bias"),
    ],
)
def test_names_by_hand(name: str, published: str) -> None:
    assert published_name(name) == published
