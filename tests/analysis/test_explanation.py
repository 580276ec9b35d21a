"""The explanation of an image and a caption against its parts, asked one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from cada.analysis.attention import decoder_maps, match_maps
from cada.analysis.explanation import MASKED, MATCH, WORDS, explain
from cada.datasets.images import normalise
from cada.model.cada import Cada
from cada.model.folder import load_model
from cada.phrases import parse
from cada.reporting.figures.explanation import explanation_figure

CAPTION = "A woman in a red coat with a black backpack."
SPANS = [(phrase.start, phrase.end) for phrase in parse(CAPTION)]
PLACES = [[5, 6], [9, 10]]  # of the phrases' tokens, behind [CLS]


@pytest.fixture(scope="module")
def model() -> Cada:
    return load_model("weights/synthpedes-start")


@pytest.fixture(scope="module")
def image() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (130, 70, 3), dtype=np.uint8))


def test_the_maps_are_those_of_each_phrase(model: Cada, image: Image.Image) -> None:
    told = explain(model, image, CAPTION, spans=SPANS)
    assert told.phrases == ("red coat", "black backpack")
    read = np.asarray(image.resize((48, 96), Image.Resampling.BILINEAR))
    assert np.array_equal(told.image, read)
    tokens, _ = model.encode_images(normalise(torch.from_numpy(read.copy()).permute(2, 0, 1)[None]))
    ids = torch.from_numpy(model.tokenizer([CAPTION]).ids[0]).long()
    chosen = torch.zeros(2, len(ids), dtype=torch.bool)
    for phrase, places in zip(chosen, PLACES, strict=True):
        phrase[places] = True
    for reader, function in ((MATCH, match_maps), (MASKED, decoder_maps)):
        assert np.array_equal(told.maps[reader].reshape(2, -1), function(model, ids, tokens, chosen).numpy())
        assert told.maps[reader].shape == (2, 12, 6)


def test_the_matches_are_those_of_each_text_alone(model: Cada, image: Image.Image) -> None:
    told = explain(model, image, CAPTION, spans=SPANS)
    for text, match in zip((CAPTION, *told.phrases), (told.match, *told.matches), strict=True):
        assert explain(model, image, text, spans=[]).match == pytest.approx(match, abs=1e-6)


def test_a_masked_word_is_expected_from_what_stands_before_it(model: Cada, image: Image.Image) -> None:
    """By hand: each word of the phrase is [MASK], and what follows does not matter."""
    told = explain(model, image, CAPTION, spans=SPANS)
    assert [[expected.piece for expected in phrase] for phrase in told.expected] == [["red", "coat"], ["black", "backpack"]]
    tokens, _ = model.encode_images(normalise(torch.from_numpy(told.image.copy()).permute(2, 0, 1)[None]))
    ids = torch.from_numpy(model.tokenizer([CAPTION]).ids).long()
    ids[0, PLACES[0]] = model.tokenizer.mask
    selected = torch.zeros_like(ids, dtype=torch.bool)
    selected[0, PLACES[0]] = True
    shares = model.attribute_decoder(ids, torch.ones_like(ids), tokens, selected).softmax(dim=-1)
    for share, expected in zip(shares.tolist(), told.expected[0], strict=True):
        best = sorted(range(len(share)), key=lambda place: -share[place])[:WORDS]
        assert [word for word, _ in expected.instead] == model.tokenizer.tokens(best)
        assert [value for _, value in expected.instead] == pytest.approx([share[place] for place in best], abs=1e-6)
    cut = explain(model, image, "A woman in a red coat", spans=SPANS[:1])
    for ours, theirs in zip(cut.expected[0], told.expected[0], strict=True):
        assert [value for _, value in ours.instead] == pytest.approx([value for _, value in theirs.instead], abs=1e-5)


def test_without_phrases_or_decoder_there_is_less(model: Cada, image: Image.Image) -> None:
    none = explain(model, image, "A person.", spans=[])
    assert (none.phrases, none.maps, none.expected) == ((), {}, ()) and 0 < none.match < 1
    undecoded = explain(model, image, CAPTION, spans=SPANS, decodes=False)
    assert list(undecoded.maps) == [MATCH] and undecoded.expected == ((),) * len(undecoded.phrases)
    assert explanation_figure(undecoded, CAPTION).axes


def test_a_phrase_behind_the_cut_is_left_out(model: Cada, image: Image.Image) -> None:
    """[CLS], 71 pieces and [SEP]: of one that begins before the cut what is left is drawn, one behind it is not."""
    caption = "a red coat " + "red " * 66 + "red coat black backpack"
    starts = [caption.index("red coat"), caption.rindex("red coat"), caption.index("black backpack")]
    spans = [(start, start + length) for start, length in zip(starts, (8, 8, 14), strict=True)]
    assert explain(model, image, caption, spans=spans).phrases == ("red coat", "red coat")
