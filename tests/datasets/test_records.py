"""Fixed galleries."""

from __future__ import annotations

import random

from cada.datasets.records import gallery_parts


def test_consecutive_ids_stay_together() -> None:
    assert gallery_parts([4, 4, 1, 2, 3, 9, 9], 2) == [{1, 2}, {3, 4, 9}]


def test_600_persons_in_four_parts() -> None:
    persons = list(range(2201, 2801)) * 4
    random.Random(0).shuffle(persons)
    assert gallery_parts(persons, 4) == [set(range(low, low + 150)) for low in (2201, 2351, 2501, 2651)]


def test_parts_share_nobody_and_lose_nobody() -> None:
    parts = gallery_parts(range(17), 5)
    assert sorted(person for part in parts for person in part) == list(range(17))
    assert {len(part) for part in parts} == {3, 4}
