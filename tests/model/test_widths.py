"""Images wider than captions, as in BLIP with ViT-L/16: from BLIP's file to training and re-ranking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import cada
from cada.config import Augmentation
from cada.model.cada import Cada
from cada.model.names import parameters_of
from cada.steps.weights import import_weights
from cada.training.objective import association_losses, encode_batch
from tests.training.tiny import ROBUST, tiny_training

from .checkpoints import SMALL, pretraining_state

WIDTHS = SMALL | {"width": 24, "image_width": 32, "vocabulary": 42, "patches": 8}


@pytest.fixture
def model(tmp_path: Path) -> Cada:
    """Imported by the command from a file as BLIP's pre-training leaves it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(35))]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    torch.save({"model": pretraining_state(**WIDTHS)}, tmp_path / "model_large.pth")
    import_weights(
        str(tmp_path / "model_large.pth"), tmp_path / "blip", vocabulary=str(tmp_path / "vocab.txt"), heads=(4, 2), image_size=(32, 16)
    )
    return cada.load(tmp_path / "blip")


def test_the_file_s_widths_are_the_model_s(model: Cada) -> None:
    assert (model.architecture.vision.width, model.architecture.text.width) == (32, 24)
    state = pretraining_state(**WIDTHS)
    for decoder, name in (("text_encoder.bert", "text_encoder"), ("attribute_decoder.bert.bert", "text_decoder.bert")):
        key = "encoder.layer.1.crossattention.self.key.weight"
        assert torch.equal(parameters_of(model)[f"{decoder}.{key}"], state[f"{name}.{key}"])
        assert state[f"{name}.{key}"].shape == (24, 32)
    assert model.image_projection.in_features == 32 and model.text_projection.in_features == 24


def test_a_training_step_reaches_every_part(model: Cada) -> None:
    draw, rows, plain = torch.Generator().manual_seed(0), np.arange(0, 24, 3), Augmentation(flip=0.0, pad=0, erase=0.0)
    batch = tiny_training().batch(rows, augmentation=plain, padded_to=None, draw=draw, device=torch.device("cpu"))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    def loss() -> torch.Tensor:
        encoded = encode_batch(model, batch, generator=torch.Generator().manual_seed(0))
        return association_losses(encoded, weights={"global": 1.0, "atp": 1.0, "ara": 1.0}, switches=ROBUST)["loss"]

    before = loss()
    before.backward()
    parameters = parameters_of(model)
    reached = {name for name, value in parameters.items() if value.grad is not None and value.grad.any()}
    keys = {name for name in parameters if "crossattention.self.key.weight" in name or "crossattention.self.value.weight" in name}
    assert len(keys) == 8 and all(parameters[name].shape == (24, 32) for name in keys)
    assert keys | {"image_projection.weight", "image_encoder.layers.0.query.weight"} <= reached
    optimizer.step()
    assert float(loss().detach()) < float(before.detach())


@torch.no_grad()
def test_re_ranking_is_one_pass_per_pair(model: Cada) -> None:
    training = tiny_training()
    engine = cada.Engine(top_k=3, batch_size=5)
    images, captions = training.images, training.captions.take(np.arange(7))
    target = cada.Target(images, np.arange(12), captions, np.arange(7))
    found = cada.Search.of(model, target, engine).found()
    tokens, _ = model.encode_images(cada.datasets.images.normalise(images))
    assert tokens.shape == (12, 9, 32)
    for row in range(7):
        ids = torch.from_numpy(captions.ids[row : row + 1, : captions.lengths[row]].astype(np.int64))
        for place, image in enumerate(found.candidates[row]):
            expected = model.match_head(model.match_hidden(ids, torch.ones_like(ids), tokens[[image]])[0, 0])
            assert torch.allclose(torch.from_numpy(found.logits[row, place]), expected, atol=1e-5)
    assert found.logits.std() > 0.01
