"""WordPiece with two more tokens: by hand on a small vocabulary, and on BERT's where it lies beside the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cada.datasets.text import normalise_caption
from cada.model.tokenizer import Tokenizer
from tests.messages import refused

from .conftest import ENTRIES

BERT = Path(__file__).parents[3] / "shared" / "resources" / "bert-base-uncased-vocab.txt"


@pytest.fixture
def tokenizer(vocabulary: Path) -> Tokenizer:
    return Tokenizer.read(vocabulary, 12)


def test_ids_by_hand(tokenizer: Tokenizer) -> None:
    captions = tokenizer(["A RED shirt.", "He's a blue dog: t-shirts!"])
    pieces = [["[CLS]", "a", "red", "shirt", "[SEP]"], ["[CLS]", "he", "'", "s", "a", "blue", "[UNK]", "t", "-", "shirt", "##s", "[SEP]"]]
    assert len(captions) == 2
    assert captions.lengths.tolist() == [5, 12]
    assert captions.ids.tolist() == [[ENTRIES.index(piece) for piece in row] + [0] * (12 - len(row)) for row in pieces]
    assert [tokenizer.tokens(ids[:length]) for ids, length in zip(captions.ids, captions.lengths, strict=True)] == pieces


def test_unknown_words_are_those_of_which_the_vocabulary_has_letters_at_most(tokenizer: Tokenizer) -> None:
    assert tokenizer.unknown_words("He's a blue DOG: t-shirts") == ["dog"]
    assert tokenizer.unknown_words("shirt tsa") == ["tsa"]
    assert Tokenizer([*ENTRIES, "##a", "##ss"], 12).unknown_words("sa tss bags") == ["sa"]


def test_special_tokens(tokenizer: Tokenizer) -> None:
    assert (tokenizer.cls, tokenizer.sep, tokenizer.mask) == (2, 3, 4)
    assert tokenizer.size == len(ENTRIES) + 2
    assert tokenizer.tokens([tokenizer.enc - 1, tokenizer.enc]) == ["[DEC]", "[ENC]"]


def test_offsets_point_into_the_normalised_caption(tokenizer: Tokenizer) -> None:
    caption = "A red shirt;  He's (blue) t-shirts"
    text, captions = normalise_caption(caption), tokenizer([caption])
    for token, start, end in zip(tokenizer.tokens(captions.ids[0]), captions.starts[0], captions.ends[0], strict=True):
        assert text[start:end] == ("" if token in ("[CLS]", "[SEP]") else token.removeprefix("##"))


def test_long_captions_are_cut_before_the_last_token(tokenizer: Tokenizer) -> None:
    captions = tokenizer(["red " * 40, "red"])
    assert captions.lengths.tolist() == [12, 3]
    assert tokenizer.tokens(captions.ids[0]) == ["[CLS]", *["red"] * 10, "[SEP]"]


def test_pieces_are_those_of_the_whole_caption(tokenizer: Tokenizer) -> None:
    captions = ["A RED shirt.", "", "He's a blue dog: t-shirts! " + "red " * 30]
    long = ["he", "'", "s", "a", "blue", "[UNK]", "t", "-", "shirt", "##s", *["red"] * 30]
    assert tokenizer.pieces(captions) == [["a", "red", "shirt"], [], long]


def test_captions_do_not_touch_one_another(tokenizer: Tokenizer) -> None:
    texts = ["a", "a blue shirt", "he's red red red"]
    together = tokenizer(texts)
    for row, text in enumerate(texts):
        alone = tokenizer([text])
        length = together.lengths[row]
        assert alone.lengths.tolist() == [length]
        for name in ("ids", "starts", "ends"):
            assert np.array_equal(getattr(alone, name)[0], getattr(together, name)[row, :length])
            assert not getattr(together, name)[row, length:].any()


def test_taking_rows(tokenizer: Tokenizer) -> None:
    captions = tokenizer(["a", "a blue shirt", "red"])
    taken = captions.take(np.array([2, 0, 2]))
    assert taken.ids[:, 1].tolist() == [ENTRIES.index("red"), ENTRIES.index("a"), ENTRIES.index("red")]
    assert taken.lengths.tolist() == [3, 3, 3]


def test_no_captions(tokenizer: Tokenizer) -> None:
    assert len(tokenizer([])) == 0


def test_a_missing_vocabulary_is_named(tmp_path: Path) -> None:
    with refused(tmp_path / "nowhere.txt", "model.yaml: vocabulary", cause=FileNotFoundError):
        Tokenizer.read(tmp_path / "nowhere.txt", 12)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"a\nred\n", ("[PAD], [UNK], [CLS], [SEP], [MASK]", "missing")),
        (b"", ("[PAD], [UNK], [CLS], [SEP], [MASK]", "missing")),
        ("\n".join(["a", *ENTRIES]).encode(), ("[PAD] first",)),
        (b"\xff\xfe\x00", ("'utf-8' codec", "UTF-8")),
    ],
)
def test_a_wrong_vocabulary_is_named(tmp_path: Path, content: bytes, facts: tuple[str, ...]) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with refused(path, *facts):
        Tokenizer.read(path, 12)


@pytest.mark.skipif(not BERT.is_file(), reason="bert-base-uncased's vocabulary does not lie beside the project")
def test_bert_base_uncased() -> None:
    tokenizer = Tokenizer.read(BERT, 73)
    assert (tokenizer.size, tokenizer.cls, tokenizer.sep, tokenizer.mask, tokenizer.enc) == (30524, 101, 102, 103, 30523)
    assert tokenizer.tokens([30522, 30523]) == ["[DEC]", "[ENC]"]
    captions = tokenizer(["The man wears a grey hooded jacket.", "word " * 72])
    assert tokenizer.tokens(captions.ids[0, :9]) == ["[CLS]", "the", "man", "wears", "a", "grey", "hooded", "jacket", "[SEP]"]
    assert captions.ids[0, :4].tolist() == [101, 1996, 2158, 11651]
    assert captions.ids.shape == (2, 73)  # [CLS], 71 pieces, [SEP]
    assert captions.ids[1, -1] == 102
