"""Splits as arrays, captions as tensors, and batches that depend on the seed and the step alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cada.datasets.loading import take_persons, take_queries, take_split, token_batch
from cada.datasets.records import Record
from cada.model.tokenizer import TokenizedCaptions
from tests.messages import refused

ROOT = Path("data/Somewhere")
RECORDS = [
    Record("a/1.png", 7, ("one", "two", "three"), "train"),
    Record("b/2.png", 3, ("four",), "test"),
    Record("c/3.png", 9, ("five", "six"), "train"),
    Record("a/4.png", 7, ("seven",), "train"),
]


def test_a_split_is_its_records_in_their_order() -> None:
    split = take_split(RECORDS, "train", root=ROOT)
    assert split.image_names == ("a/1.png", "c/3.png", "a/4.png")
    assert split.image_paths == tuple(ROOT / "imgs" / name for name in split.image_names)
    assert split.image_persons.tolist() == [7, 9, 7]
    assert split.captions == ("one", "two", "three", "five", "six", "seven")
    assert split.caption_image.tolist() == [0, 0, 0, 1, 1, 2]
    assert split.caption_number.tolist() == [0, 1, 2, 0, 1, 0]
    assert split.caption_persons.tolist() == [7, 7, 7, 9, 9, 7]


def test_the_published_queries_are_the_first_two_captions() -> None:
    split = take_split(RECORDS, "train", root=ROOT, queries="first_two")
    assert split.captions == ("one", "two", "five", "six", "seven")
    assert split.caption_image.tolist() == [0, 0, 1, 1, 2]
    assert split.caption_number.tolist() == [0, 1, 0, 1, 0]
    assert len(split.image_names) == 3


def test_a_split_without_records_is_named() -> None:
    with refused(ROOT, "val", "`split`"):
        take_split(RECORDS, "val", root=ROOT)


def test_persons_are_evenly_spaced_with_all_images_or_their_own() -> None:
    records = [Record(f"{row}.jpg", person, (f"{row} 0", f"{row} 1"), "test") for row, person in enumerate([10, 3, 3, 7, 5, 20])]
    split = take_split(records, "test", root=ROOT)
    few = take_queries(split, 3)  # of 3, 5, 7, 10, 20: the first, the second, the fourth
    assert few.caption_persons.tolist() == [10, 10, 3, 3, 3, 3, 5, 5]
    assert few.captions == tuple(split.captions[row] for row in (0, 1, 2, 3, 4, 5, 8, 9))
    assert few.caption_number.tolist() == [0, 1] * 4
    assert few.image_names == split.image_names
    alone = take_persons(split, 3)
    assert (alone.captions, alone.caption_persons.tolist()) == (few.captions, few.caption_persons.tolist())
    assert alone.image_names == ("0.jpg", "1.jpg", "2.jpg", "4.jpg") and alone.image_persons.tolist() == [10, 3, 3, 5]
    assert [path.name for path in alone.image_paths] == list(alone.image_names)
    assert [alone.image_names[row] for row in alone.caption_image] == [few.image_names[row] for row in few.caption_image]
    for everybody in (None, 5, 99):
        assert take_queries(split, everybody).captions == take_persons(split, everybody).captions == split.captions
        assert take_persons(split, everybody).image_names == split.image_names


def test_persons_in_groups_of_consecutive_ids() -> None:
    """Of 1 to 11 in threes there are three whole groups: of two the first and the second are taken, evenly spaced."""
    ids = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]
    split = take_split([Record(f"{person}.jpg", person, ("a",), "test") for person in ids], "test", root=ROOT)
    for persons, chosen in {3: ids[:3], 6: ids[:6], 9: ids[:9], 11: ids}.items():
        assert take_persons(split, persons, consecutive=3).image_persons.tolist() == chosen
    assert take_persons(split, 4, consecutive=2).image_persons.tolist() == [10, 20, 50, 60]


# --- captions to tensors ------------------------------------------------------------------------------------------


@pytest.fixture
def captions() -> TokenizedCaptions:
    """Three captions of 3, 5 and 4 tokens."""
    ids = np.array([[2, 11, 3, 0, 0], [2, 12, 13, 14, 3], [2, 15, 16, 3, 0]], dtype=np.int32)
    return TokenizedCaptions(ids, np.array([3, 5, 4], dtype=np.int32), np.zeros_like(ids), np.zeros_like(ids))


GROUPS = np.array([[-1, 0, -1, -1, -1], [-1, 0, 0, 1, -1], [-1, -1, 0, -1, -1]], dtype=np.int16)


@pytest.mark.parametrize("rows", [[0, 2], [2, 0, 2], [1], [0]])
@pytest.mark.parametrize("padded_to", [None, 5, 9])
def test_captions_are_padded(captions: TokenizedCaptions, rows: list[int], padded_to: int | None) -> None:
    batch = token_batch(captions, np.array(rows), padded_to=padded_to, groups=GROUPS)
    length = padded_to or max([3, 5, 4][row] for row in rows)
    for tensor, of, outside in ((batch.ids, captions.ids, 0), (batch.groups, GROUPS, -1)):
        expected = [[int(of[row, place]) if place < captions.lengths[row] else outside for place in range(length)] for row in rows]
        assert tensor.dtype == torch.long
        assert tensor.tolist() == expected
    assert batch.mask.tolist() == [[place < captions.lengths[row] for place in range(length)] for row in rows]
    assert batch.lengths.tolist() == [captions.lengths[row] for row in rows]


def test_without_groups_no_token_has_one(captions: TokenizedCaptions) -> None:
    assert token_batch(captions, np.array([0, 1]), padded_to=None).groups.tolist() == [[-1] * 5] * 2


def test_lengths_and_groups_stay_where_masks_are_drawn(captions: TokenizedCaptions) -> None:
    batch = token_batch(captions, np.array([0, 1]), padded_to=None).to(torch.device("meta"))
    assert {name: getattr(batch, name).device.type for name in ("ids", "mask", "lengths", "groups")} == {
        "ids": "meta",
        "mask": "meta",
        "lengths": "cpu",
        "groups": "cpu",
    }
