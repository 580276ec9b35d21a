"""The generator against published numbers and against itself."""

from __future__ import annotations

from collections import Counter

import pytest

from cada.synthpedes.randomness import Stream


def seeded(state: int) -> Stream:
    stream = Stream()
    stream._state = state
    return stream


def test_known_answers() -> None:
    """The first numbers of SplitMix64 for the seed 1234567, as its reference implementation prints them."""
    stream = seeded(1234567)
    assert [stream.bits() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_octets_are_the_same_generator_over_a_counter() -> None:
    bulk, start = seeded(5), seeded(5)
    one_by_one = seeded(start.bits())
    expected = b"".join(one_by_one.bits().to_bytes(8, "little") for _ in range(4))
    assert bulk.octets(27).tobytes() == expected[:27]


def test_names_make_streams() -> None:
    assert Stream(1, "train", 7).bits() == Stream(1, "train", 7).bits()
    assert Stream(1, "train", 7).bits() != Stream(1, "train", 8).bits()
    assert Stream(11, 1).bits() != Stream(1, 11).bits()


def test_between_reaches_both_ends_evenly() -> None:
    stream = Stream("between")
    counts = Counter(stream.between(-2, 2) for _ in range(5000))
    assert sorted(counts) == [-2, -1, 0, 1, 2]
    assert all(900 < count < 1100 for count in counts.values())


def test_weighted_follows_the_weights() -> None:
    stream = Stream("weighted")
    counts = Counter(stream.weighted({"often": 3, "seldom": 1, "never": 0}) for _ in range(4000))
    assert counts["often"] == pytest.approx(3000, abs=120)
    assert set(counts) == {"often", "seldom"}


def test_shuffled_gives_every_order() -> None:
    stream = Stream("shuffled")
    counts = Counter(tuple(stream.shuffled("abc")) for _ in range(3000))
    assert len(counts) == 6
    assert all(400 < count < 600 for count in counts.values())
