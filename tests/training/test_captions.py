"""Attribute groups of tokens: whole phrases, or the single words of the published code."""

from __future__ import annotations

from pathlib import Path

import nltk
import numpy as np
import pandas as pd
import pytest
import torch

from cada.datasets.loading import take_split
from cada.datasets.records import Record
from cada.losses import select_groups
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.phrases.words import TAGGER, attribute_words
from cada.training.captions import attribute_groups
from tests.messages import refused

NLTK_DATA = Path(__file__).parents[3] / "shared" / "resources" / "nltk_data"
ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "in", "red", "t", "-", "shirt", "##s", "bag", "with"]
RECORDS = [Record("b.png", 2, ("a red bag", "a bag"), "train"), Record("a.png", 1, ("a man in a red t-shirt with a red bag",), "train")]
TAGS = {"man": "NN", "red": "JJ", "shirt": "NN", "##s": "NNS", "bag": "NNP", "[CLS]": "NN"}  # of the stand-in; [SEP] is no noun to it
ATTRIBUTES = {"man", "red", "shirt", "##s", "bag"}
SPANS = pd.DataFrame(
    [("b.png", 0, 2, 9), ("a.png", 0, 11, 22), ("a.png", 0, 30, 37)],  # "red bag"; "red t-shirt"; "red bag"
    columns=["image", "caption", "start", "end"],
)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    (tmp_path / "vocab.txt").write_text("\n".join(ENTRIES))
    return Tokenizer.read(tmp_path / "vocab.txt", 16)


@pytest.fixture
def published_tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [*nltk.data.path, str(NLTK_DATA)])
    try:
        nltk.data.find(f"taggers/{TAGGER}")
    except LookupError:
        pytest.skip(f"NLTK's {TAGGER} is not installed")


@pytest.fixture
def tagged(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """NLTK's tagger replaced by a list of words: what it has been given."""
    given: list[list[str]] = []

    def tag(captions: list[list[str]]) -> list[list[tuple[str, str]]]:
        given.extend(captions)
        return [[(piece, TAGS.get(piece, "DT")) for piece in pieces] for pieces in captions]

    monkeypatch.setattr(nltk, "pos_tag_sents", tag)
    return given


def groups_of(tokenizer: Tokenizer, masking: str, records: list[Record] = RECORDS) -> tuple[TokenizedCaptions, np.ndarray]:
    split = take_split(records, "train", root=Path("data"))
    captions = tokenizer(split.captions)
    return captions, attribute_groups(captions, split, masking=masking, phrases=SPANS, tokenizer=tokenizer)


def test_a_group_is_a_phrase_of_the_caption_s_own_image(tokenizer: Tokenizer) -> None:
    _, groups = groups_of(tokenizer, "phrases")
    #                           [CLS] a red bag [SEP]; [CLS] a bag [SEP]; [CLS] a man in a red t - shirt with a red bag [SEP]
    expected = [[-1, -1, 0, 0, -1], [-1] * 4, [-1, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, 1, 1, -1]]
    assert groups.tolist() == [row + [-1] * (14 - len(row)) for row in expected]


def test_a_group_is_an_attribute_word_or_sep(tokenizer: Tokenizer, tagged: list[list[str]]) -> None:
    _, groups = groups_of(tokenizer, "words")
    #                           [CLS] a red bag [SEP]; [CLS] a bag [SEP]; [CLS] a man in a red t - shirt with a red bag [SEP]
    expected = [[-1, -1, 2, 3, 4], [-1, -1, 2, 3], [-1, -1, 2, -1, -1, 5, -1, -1, 8, -1, -1, 11, 12, 13]]
    assert groups.tolist() == [row + [-1] * (14 - len(row)) for row in expected]
    assert tagged == [caption.replace("-", " - ").split() for record in RECORDS for caption in record.captions]


def test_a_caption_is_tagged_before_it_is_cut(tmp_path: Path, tagged: list[list[str]]) -> None:
    """The tagger looks ahead: what is cut off may change the tag of the last piece that is kept."""
    (tmp_path / "vocab.txt").write_text("\n".join(ENTRIES))
    _, groups = groups_of(Tokenizer.read(tmp_path / "vocab.txt", 6), "words", RECORDS[1:])
    assert groups.tolist() == [[-1, -1, 2, -1, -1, 5]]  # [CLS] a man in a [SEP]
    assert tagged == [["a", "man", "in", "a", "red", "t", "-", "shirt", "with", "a", "red", "bag"]]


def many_captions() -> list[Record]:
    """600 captions of 1 to 90 words: some fill a sequence of 73 tokens, some are cut."""
    draw = np.random.default_rng(0)
    words = [word for word in (*ENTRIES[5:], "shirts") if word != "##s"]
    captions = [" ".join(draw.choice(words, size=draw.integers(1, 91))) for _ in range(600)]
    return [Record(f"{number}.png", number, (caption,), "train") for number, caption in enumerate(captions)]


def assert_published(captions: TokenizedCaptions, groups: np.ndarray) -> None:
    """Whatever the tags: [CLS] and the padding are never masked, [SEP] at random, by itself, and as often as any attribute."""
    row, sep = np.arange(len(captions)), captions.lengths - 1
    behind = np.arange(groups.shape[1]) > sep[:, None]
    assert len(captions) == 600
    assert (captions.lengths == 73).any()
    assert (groups[:, 0] == -1).all()
    assert (groups[behind] == -1).all()
    assert (groups[row, sep] == sep).all()
    assert ((groups == sep[:, None]).sum(axis=1) == 1).all()

    generator, draws = torch.Generator().manual_seed(0), 50
    chosen = np.stack([select_groups(torch.from_numpy(groups).long(), rate=0.4, generator=generator).numpy() for _ in range(draws)])
    assert not chosen[:, :, 0].any()
    assert not chosen[:, behind].any()
    spread = (0.4 * 0.6 / (draws * len(captions))) ** 0.5
    assert chosen[:, row, sep].mean() == pytest.approx(0.4, abs=4 * spread)
    assert chosen[:, groups >= 0].mean() == pytest.approx(0.4, abs=4 * spread)


@pytest.mark.usefixtures("tagged")
def test_every_sep_may_be_masked_and_no_cls(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(ENTRIES))
    tokenizer = Tokenizer.read(tmp_path / "vocab.txt", 73)
    captions, groups = groups_of(tokenizer, "words", many_captions())
    assert_published(captions, groups)
    for ids, length, found in zip(captions.ids, captions.lengths, groups, strict=True):
        pieces = tokenizer.tokens(ids[: length - 1])
        assert found[: length - 1].tolist() == [place if piece in ATTRIBUTES else -1 for place, piece in enumerate(pieces)]


@pytest.mark.usefixtures("published_tagger")
def test_attributes_are_what_nltk_tags_between_cls_and_sep(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(ENTRIES))
    tokenizer, records = Tokenizer.read(tmp_path / "vocab.txt", 73), many_captions()
    captions, groups = groups_of(tokenizer, "words", records)
    assert_published(captions, groups)
    for record, length, found in zip(records, captions.lengths, groups, strict=True):
        pieces = record.captions[0].replace("-", " - ").replace("shirts", "shirt ##s").split()
        for place, (piece, tag) in enumerate(nltk.pos_tag(pieces)[: length - 2], start=1):
            assert found[place] == (place if tag in ("JJ", "NN", "NNS", "NNP", "NNPS") else -1), piece
    chosen = {piece for row, found in zip(captions.ids, groups, strict=True) for piece in np.array(tokenizer.tokens(row))[found >= 0]}
    assert {"man", "red", "bag", "[SEP]"} <= chosen


def test_a_missing_tagger_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    nltk.tag._get_tagger.cache_clear()  # a tagger that another test loaded is kept
    with refused(TAGGER, "`cada data fetch nltk-tagger`", "ara_masking: phrases"):
        attribute_words([["a", "man"]])
