"""The decoder's likelihoods, against the decoder called phrase by phrase, and what is left of an image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cada.analysis.association.prediction import colour_pieces, colours_right, log_likelihoods, masked_words, reduced_images
from cada.datasets.images import MEAN
from cada.model.cada import Cada
from cada.model.folder import load_model
from cada.synthpedes.words import words

CAPTION = "a woman in a red coat with a black and gray backpack and white shoes"
PLACES = [[5, 6], [9, 10, 11, 12], [14, 15]]  # red coat; black and gray backpack; white shoes: behind [CLS]


@pytest.fixture(scope="module")
def model() -> Cada:
    return load_model("weights/synthpedes-start")


@pytest.fixture(scope="module")
def read(model: Cada) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.from_numpy(model.tokenizer([CAPTION]).ids[0]).long()
    phrases = torch.zeros(3, len(ids), dtype=torch.bool)
    for phrase, places in zip(phrases, PLACES, strict=True):
        phrase[places] = True
    return ids, phrases


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 96, 48, generator=torch.Generator().manual_seed(0))


def test_an_image_with_a_part_of_its_patches() -> None:
    image, kept = images(1)[0], torch.zeros(2, 72, dtype=torch.bool)
    kept[0, 7], kept[1] = True, True
    found = reduced_images(image, kept, (12, 6))
    assert torch.equal(found[1], image)
    assert torch.equal(found[0, :, 8:16, 8:16], image[:, 8:16, 8:16])
    outside = torch.ones(96, 48, dtype=torch.bool)
    outside[8:16, 8:16] = False
    assert torch.equal(found[0][:, outside], torch.tensor(MEAN)[:, None].expand(3, int(outside.sum())))


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_likelihoods_phrase_by_phrase(model: Cada, read: tuple[torch.Tensor, torch.Tensor], batch_size: int) -> None:
    ids, phrases = read
    found = masked_words(model, ids, images(3), phrases, batch_size=batch_size)
    likely = log_likelihoods(found, ids, phrases)
    assert found.shape == (3, 8, model.tokenizer.size) and likely.shape == (3, 3)
    for row, image in enumerate(images(3)):
        for column, phrase in enumerate(phrases):
            masked = ids.clone()
            masked[phrase] = model.tokenizer.mask
            with torch.no_grad():
                tokens, _ = model.encode_images(image[None])
                logits = model.attribute_decoder(masked[None], torch.ones(1, len(ids)), tokens, phrase[None])
            total = sum(logits.log_softmax(dim=1)[place, ids[index]].item() for place, index in enumerate(np.flatnonzero(phrase)))
            assert likely[row, column].item() == pytest.approx(total, abs=1e-4)


def test_colours_are_found_by_all_their_words(model: Cada, read: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Gray and grey are one colour; a phrase with two colours, or none, has no answer."""
    ids, phrases = read
    colours = colour_pieces(model.tokenizer, words()["colour"])
    assert len(colours["gray"]) == 2 and len(colours["red"]) == 1
    found = torch.full((2, 8, model.tokenizer.size), -20.0)
    red, gray, grey, white = (model.tokenizer([word]).ids[0, 1] for word in ("red", "gray", "grey", "white"))
    found[0, 0, red], found[0, 0, gray], found[0, 0, grey] = -0.7, -1.5, -1.5  # 0.50 against 0.22 + 0.22
    found[1, 0, red], found[1, 0, gray], found[1, 0, grey] = -0.9, -1.5, -1.5  # 0.41 against 0.44
    found[:, 6, white] = -0.1
    right = colours_right(found, ids, phrases, colours)
    assert right[0] is not None and right[0].tolist() == [True, False]
    assert right[1] is None and right[2] is not None and right[2].tolist() == [True, True]
