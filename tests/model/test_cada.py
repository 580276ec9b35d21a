"""The assembly: shapes, the [ENC] token, the published size, and sizes that do not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cada.config import Architecture, Transformer, load
from cada.model.cada import Cada
from cada.runtime.compute import autocast
from tests.messages import Fact, refused
from tests.words import tokenizer_of

MODEL = "image_size: [32, 16]\npatch_size: [8, 8]\nvision: {width: 24, depth: 2, heads: 2, mlp: 40}\n" + (
    "text: {width: 24, depth: 2, heads: 2, mlp: 40}\nprojection: 12\nmax_tokens: 12\npositions: 12\n"
)


@torch.no_grad()
def test_shapes(model: Cada) -> None:
    tokens, features = model.encode_images(torch.randn(3, 3, 32, 16))
    assert tokens.shape == (3, 1 + 4 * 2, 24)
    assert features.shape == (3, 12)
    ids, mask = torch.full((3, 6), 5), torch.ones(3, 6)
    assert model.encode_text(ids, mask).shape == (3, 12)
    assert model.match_hidden(ids, mask, tokens).shape == (3, 6, 24)
    selected = torch.zeros(3, 6, dtype=torch.bool)
    selected[0, 2] = selected[2, 4] = True
    assert model.attribute_decoder(ids, mask, tokens, selected).shape == (2, 19)


@torch.no_grad()
def test_features_are_projections_of_the_first_token(model: Cada) -> None:
    images, ids, mask = torch.randn(2, 3, 32, 16), torch.tensor([[2, 5, 3], [2, 7, 3]]), torch.ones(2, 3)
    tokens, features = model.encode_images(images)
    assert torch.equal(features, model.image_projection(tokens[:, 0]))
    assert torch.equal(model.encode_text(ids, mask), model.text_projection(model.text_encoder(ids, mask)[:, 0]))


@torch.no_grad()
def test_features_are_projected_in_fp32_under_any_precision(model: Cada) -> None:
    images, ids, mask = torch.randn(2, 3, 32, 16), torch.tensor([[2, 5, 3], [2, 7, 3]]), torch.ones(2, 3)
    with autocast(model.device, "bf16"):
        tokens, features = model.encode_images(images)
        states, text = model.text_encoder(ids, mask), model.encode_text(ids, mask)
    assert torch.equal(features, model.image_projection(tokens[:, 0].float()))
    assert torch.equal(text, model.text_projection(states[:, 0].float()))
    assert not torch.equal(features, model.encode_images(images)[1])


@torch.no_grad()
def test_matching_writes_enc_over_the_first_token_and_leaves_the_caption_alone(model: Cada) -> None:
    tokens = torch.randn(1, 9, 24)
    ids, mask = torch.tensor([[2, 5, 6, 3]]), torch.ones(1, 4)
    hidden = model.match_hidden(ids, mask, tokens)
    assert torch.equal(hidden, model.text_encoder(torch.tensor([[18, 5, 6, 3]]), mask, tokens))
    assert ids.tolist() == [[2, 5, 6, 3]]


def test_the_seed_decides_the_initial_weights(architecture: Architecture) -> None:
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(dict(Cada(architecture, tokenizer_of(19)).named_parameters()))
    assert all(torch.equal(value, models[1][name]) for name, value in models[0].items())
    assert not torch.equal(*(one["image_encoder.vit.embeddings.patch_embeddings.projection.weight"] for one in models[1:]))


def test_the_paper_s_size() -> None:
    """361,335,104 parameters (method section 2), tied ones once; 223.5 million of them are needed for retrieval."""
    sizes = Transformer(width=768, depth=12, heads=12, mlp=3072)
    with torch.device("meta"):
        model = Cada(
            Architecture(image_size=(224, 224), patch_size=(16, 16), vision=sizes, text=sizes, projection=256), tokenizer_of(30522 + 2)
        )
    counts = {name: value.numel() for name, value in model.named_parameters() if value.requires_grad}
    assert sum(counts.values()) == 361_335_104
    retrieval = sum(count for name, count in counts.items() if not name.startswith(("attribute_decoder", "local_match_head")))
    assert round(retrieval / 1e6, 1) == 223.5


def test_the_model_of_the_file_is_accepted(tmp_path: Path, architecture: Architecture) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(MODEL)
    assert load(path, Architecture) == architecture


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("depth: 2, heads: 2", "depth: 2, heads: 5", ("vision.heads", 5, 24)),
        ("image_size: [32, 16]", "image_size: [30, 16]", ("patch_size", "8 x 8", "30 x 16")),
        ("positions: 12", "positions: 11", ("positions", 11, "max_tokens", 12)),
        ("max_tokens: 12\npositions: 12", "max_tokens: 600", ("positions", 512, "max_tokens", 600)),
    ],
)
def test_sizes_that_do_not_fit_together_are_named(tmp_path: Path, old: str, new: str, facts: tuple[Fact, ...]) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(MODEL.replace(old, new, 1))
    with refused(path, *facts):
        load(path, Architecture)
