"""The val split of a set that has none."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise
from pathlib import Path

import pytest

from cada.datasets.holdout import with_val
from cada.datasets.records import Record
from tests.messages import refused

WHERE = Path("params/mine/data.yaml")


def records(train: range, test: range, *, images: int = 2) -> list[Record]:
    made = [
        Record(f"{split}/{person}_{number}.jpg", person, ("A man.",), split)
        for split, persons in (("train", train), ("test", test))
        for person in persons
        for number in range(images)
    ]
    random.Random(0).shuffle(made)
    return made


def persons_of(some: list[Record], split: str) -> set[int]:
    return {record.person for record in some if record.split == split}


def test_the_rule_by_hand() -> None:
    """Written down once: SHA-256 of "8" begins with 2c, of "5" with ef, and so on."""
    beginnings = {1: "6b86", 2: "d473", 3: "4e07", 4: "4b22", 5: "ef2d", 6: "e7f6", 7: "7902", 8: "2c62", 9: "1958"}
    for person, beginning in beginnings.items():
        assert hashlib.sha256(str(person).encode("ascii")).hexdigest().startswith(beginning)
    made = with_val(records(range(1, 10), range(10, 12)), how="held_out", persons=4, where=WHERE)
    assert persons_of(made, "val") == {9, 8, 4, 3}


@pytest.mark.parametrize("persons", [1, 7, 29])
def test_nobody_is_in_two_splits_and_nothing_is_lost(persons: int) -> None:
    before = records(range(30), range(30, 40))
    after = with_val(before, how="held_out", persons=persons, where=WHERE)
    splits = [persons_of(after, split) for split in ("train", "val", "test")]
    assert [len(split) for split in splits] == [30 - persons, persons, 10]
    assert len(set().union(*splits)) == 40
    assert [(record.image, record.person, record.captions) for record in after] == [
        (record.image, record.person, record.captions) for record in before
    ]
    assert persons_of(after, "test") == persons_of(before, "test")


def test_more_persons_keep_the_earlier_ones() -> None:
    held_out = [
        persons_of(with_val(records(range(50), range(50, 60)), how="held_out", persons=count, where=WHERE), "val")
        for count in (5, 10, 20, 49)
    ]
    for fewer, more in pairwise(held_out):
        assert fewer < more


def test_the_order_of_the_annotation_does_not_matter() -> None:
    before = records(range(50), range(50, 60))
    chosen = [persons_of(with_val(some, how="held_out", persons=9, where=WHERE), "val") for some in (before, before[::-1])]
    assert chosen[0] == chosen[1]


def test_published_val_is_test() -> None:
    before = records(range(6), range(6, 9))
    after = with_val(before, how="test", persons=None, where=WHERE)
    assert after[: len(before)] == before
    assert [record.image for record in after if record.split == "val"] == [record.image for record in before if record.split == "test"]


def test_a_val_split_of_the_set_stays() -> None:
    before = [*records(range(6), range(6, 9)), Record("v.jpg", 9, ("A man.",), "val")]
    assert with_val(before, how="held_out", persons=3, where=WHERE) == before
    assert with_val(before, how="test", persons=None, where=WHERE) == before


def test_a_missing_or_too_large_number_is_named() -> None:
    before = records(range(6), range(6, 9))
    with refused(WHERE, "held_out_persons", "missing", "val"):
        with_val(before, how="held_out", persons=None, where=WHERE)
    with refused(WHERE, "held_out_persons", 7, "train", "6 persons"):
        with_val(before, how="held_out", persons=7, where=WHERE)
    with refused(WHERE, "held_out_persons", 6, "train", "6 persons"):
        with_val(before, how="held_out", persons=6, where=WHERE)
