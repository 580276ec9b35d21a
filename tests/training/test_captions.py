"""Attribute groups of tokens: whole phrases, or the single words of the published code."""

from __future__ import annotations

from pathlib import Path

import nltk
import numpy as np
import pandas as pd
import pytest

from cada.data.loading import take_split
from cada.data.records import Record
from cada.errors import CadaError
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.phrases.words import TAGGER, attribute_words
from cada.training.captions import attribute_groups

NLTK_DATA = Path(__file__).parents[3] / "shared" / "resources" / "nltk_data"
ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "in", "red", "t", "-", "shirt", "##s", "bag", "with"]
RECORDS = [Record("b.png", 2, ("a red bag", "a bag"), "train"), Record("a.png", 1, ("a man in a red t-shirt with a red bag",), "train")]
SPANS = pd.DataFrame(
    [("b.png", 0, 2, 9), ("a.png", 0, 11, 22), ("a.png", 0, 30, 37)],  # "red bag"; "red t-shirt"; "red bag"
    columns=["image", "caption", "start", "end"],
)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    (tmp_path / "vocab.txt").write_text("\n".join(ENTRIES))
    return Tokenizer(tmp_path / "vocab.txt", 16)


@pytest.fixture
def published_tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [*nltk.data.path, str(NLTK_DATA)])
    try:
        nltk.data.find(f"taggers/{TAGGER}")
    except LookupError:
        pytest.skip(f"NLTK's {TAGGER} is not installed")


def groups_of(tokenizer: Tokenizer, masking: str) -> tuple[TokenizedCaptions, np.ndarray]:
    split = take_split(RECORDS, "train", root=Path("data"))
    captions = tokenizer(split.captions)
    return captions, attribute_groups(captions, split, masking=masking, phrases=SPANS, tokenizer=tokenizer)


def test_a_group_is_a_phrase_of_the_caption_s_own_picture(tokenizer: Tokenizer) -> None:
    _, groups = groups_of(tokenizer, "phrases")
    #                           [CLS] a red bag [SEP]; [CLS] a bag [SEP]; [CLS] a man in a red t - shirt with a red bag [SEP]
    expected = [[-1, -1, 0, 0, -1], [-1] * 4, [-1, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, 1, 1, -1]]
    assert groups.tolist() == [row + [-1] * (14 - len(row)) for row in expected]


@pytest.mark.usefixtures("published_tagger")
def test_a_group_is_a_word_that_the_tagger_calls_an_attribute(tokenizer: Tokenizer) -> None:
    captions, groups = groups_of(tokenizer, "words")
    for ids, length, found in zip(captions.ids, captions.lengths, groups, strict=True):
        pieces = tokenizer.tokens(ids[:length])
        for place, (piece, tag) in enumerate(nltk.pos_tag(pieces)):
            assert found[place] == (place if tag in ("JJ", "NN", "NNS", "NNP", "NNPS") else -1), piece
        assert (found[length:] == -1).all()
    chosen = {piece for row, found in zip(captions.ids, groups, strict=True) for piece in np.array(tokenizer.tokens(row))[found >= 0]}
    assert {"man", "red", "bag", "[SEP]"} <= chosen  # [SEP] too: a side effect of the published code
    assert not {"a", "in", "with"} & chosen


def test_a_missing_tagger_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    nltk.tag._get_tagger.cache_clear()  # a tagger that another test loaded is kept
    with pytest.raises(CadaError, match=rf"{TAGGER}.*`cada data fetch nltk-tagger`, or choose ara_masking: phrases"):
        attribute_words([["a", "man"]])
