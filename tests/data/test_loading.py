"""Splits as arrays, captions as tensors, and batches that depend on the seed and the step alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cada.data.loading import batch_rows, steps_per_epoch, take_persons, take_queries, take_split, token_batch
from cada.data.records import Record
from cada.errors import CadaError
from cada.model.tokenizer import TokenizedCaptions

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
    with pytest.raises(CadaError, match=r"Somewhere: no record has the split val"):
        take_split(RECORDS, "val", root=ROOT)


def test_persons_are_evenly_spaced_with_all_pictures_or_their_own() -> None:
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


def test_groups_stay_where_masks_are_drawn(captions: TokenizedCaptions) -> None:
    batch = token_batch(captions, np.array([0, 1]), padded_to=None).to(torch.device("meta"))
    assert {name: getattr(batch, name).device.type for name in ("ids", "mask", "lengths", "groups")} == {
        "ids": "meta",
        "mask": "meta",
        "lengths": "meta",
        "groups": "cpu",
    }


# --- batches ------------------------------------------------------------------------------------------------------


def epoch_of(number: int, *, count: int, batch_size: int, seed: int) -> list[int]:
    steps = count // batch_size
    batches = [batch_rows(count, batch_size, number * steps + step, seed=seed) for step in range(steps)]
    assert all(len(batch) == batch_size for batch in batches)
    return [row for batch in batches for row in batch.tolist()]


@pytest.mark.parametrize(("count", "batch_size"), [(12, 4), (14, 4), (4, 4), (101, 10)])
def test_an_epoch_takes_each_sample_at_most_once_and_drops_the_rest(count: int, batch_size: int) -> None:
    for number in range(3):
        rows = epoch_of(number, count=count, batch_size=batch_size, seed=3)
        assert len(set(rows)) == len(rows) == count - count % batch_size
        assert set(rows) <= set(range(count))


def test_what_one_epoch_drops_another_takes() -> None:
    rows = [row for number in range(20) for row in epoch_of(number, count=14, batch_size=4, seed=0)]
    assert set(rows) == set(range(14))


def test_epochs_and_seeds_differ() -> None:
    orders = [tuple(epoch_of(number, count=40, batch_size=8, seed=seed)) for number in range(3) for seed in range(3)]
    assert len(set(orders)) == 9


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    forward = [batch_rows(30, 4, step, seed=1).tolist() for step in range(20)]
    np.random.seed(5)
    backward = [batch_rows(30, 4, step, seed=1).tolist() for step in reversed(range(20))]
    assert forward == backward[::-1]


def test_steps_are_whole_batches() -> None:
    assert [steps_per_epoch(count, 4) for count in (4, 7, 8, 9)] == [1, 1, 2, 2]


def test_fewer_samples_than_a_batch_are_said() -> None:
    with pytest.raises(
        CadaError, match=r"a batch of 4 needs as many samples, and there are 3\. Lower optimisation\.batch_size in the set's train\.yaml"
    ):
        batch_rows(3, 4, 0, seed=0)


def test_batches_of_like_length_take_each_sample_once_and_hold_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(10, 60, 1000)
    batches = [batch_rows(1000, 20, step, seed=0, lengths=lengths) for step in range(50)]
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(1000))
    longest = [lengths[batch].max() for batch in batches]
    assert np.mean(longest) < 1.15 * lengths.mean()
    assert np.abs(np.diff(longest)).mean() > 5  # in random order, not from short to long
