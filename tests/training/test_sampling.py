"""Batches: each caption at most once an epoch, of like length, with look-alikes; a function of seed and step alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cada.errors import ArgumentError
from cada.model.tokenizer import Tokenizer
from cada.training.sampling import Lookalikes, Sampler, find_lookalikes, relatives, steps_per_epoch
from tests.messages import refused

VOCABULARY = Path("params/synthpedes/vocab.txt")


def epoch_of(number: int, *, count: int, batch_size: int, seed: int) -> list[int]:
    steps = count // batch_size
    batches = [Sampler(count, batch_size, seed).rows(number * steps + step) for step in range(steps)]
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
    forward = [Sampler(30, 4, seed=1).rows(step).tolist() for step in range(20)]
    np.random.seed(5)
    backward = [Sampler(30, 4, seed=1).rows(step).tolist() for step in reversed(range(20))]
    assert forward == backward[::-1]


def test_steps_are_whole_batches() -> None:
    assert [steps_per_epoch(count, 4) for count in (4, 7, 8, 9)] == [1, 1, 2, 2]


def test_fewer_samples_than_a_batch_are_named() -> None:
    with refused("batch_size", 4, 3, by=ArgumentError):
        Sampler(3, 4, seed=0).rows(0)


def test_batches_of_like_length_take_each_sample_once_and_hold_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(10, 60, 1000)
    sampler = Sampler(1000, 20, seed=0, lengths=lengths)
    batches = [sampler.rows(step) for step in range(50)]
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(1000))
    longest = [lengths[batch].max() for batch in batches]
    assert np.mean(longest) < 1.15 * lengths.mean()
    assert np.abs(np.diff(longest)).mean() > 5  # in random order, not from short to long


# --- look-alikes --------------------------------------------------------------------------------------------------


def test_lookalikes_share_words_in_whatever_order() -> None:
    captions = [
        "a man in a red shirt and blue pants",
        "a woman in a yellow skirt with a green umbrella",
        "a man in a blue shirt and red pants",
        "a woman in a yellow skirt with a pink umbrella",
        "a man in a blue shirt with red pants",
    ]
    found = find_lookalikes(Tokenizer.read(VOCABULARY, 73)(captions), np.array([40, 7, 30, 8, 30]), count=1)
    persons = [7, 8, 30, 40]
    assert found.persons.tolist() == [persons.index(person) for person in (40, 7, 30, 8, 30)]
    assert found.near.tolist() == [[1], [0], [3], [2]]


WORDS = ["red", "blue", "black", "green", "hat", "bag", "shirt", "skirt", "umbrella", "shoes"]
DRAWN = [" ".join(np.random.default_rng(seed).choice(WORDS, 5)) for seed in range(40)]


@pytest.mark.parametrize(
    ("texts", "owners"),
    [
        (["a red hat", "a red red bag", "a blue bag and a red hat", "the blue umbrella", "a bag and a bag"], [0, 1, 2, 3, 0]),
        (DRAWN, [row % 20 for row in range(40)]),
        (["a red hat", "a blue hat and a bag", "a blue umbrella", "a red hat and shoes"], [0, 1, 2, 3]),  # some words of one person alone
    ],
)
def test_similarity_is_the_cosine_of_tf_idf(texts: list[str], owners: list[int]) -> None:
    captions, persons, people = Tokenizer.read(VOCABULARY, 73)(texts), np.array(owners), max(owners) + 1
    bags: list[dict[int, int]] = [{} for _ in range(people)]
    for ids, length, person in zip(captions.ids, captions.lengths, persons, strict=True):
        for token in ids[:length].tolist():
            bags[person][token] = bags[person].get(token, 0) + 1

    def weight(bag: dict[int, int], token: int) -> float:
        return float(np.log(1 + bag.get(token, 0)) * np.log(people / sum(token in other for other in bags)))

    def similarity(one: dict[int, int], other: dict[int, int]) -> float:
        product = sum(weight(one, token) * weight(other, token) for token in one)
        norms = [np.sqrt(sum(weight(bag, token) ** 2 for token in bag)) for bag in (one, other)]
        return float(product / (norms[0] * norms[1]))

    for me, near in enumerate(find_lookalikes(captions, persons, count=people - 1).near.tolist()):
        others = [other for other in range(people) if other != me]
        assert sorted(near) == others
        found = [similarity(bags[me], bags[other]) for other in near]
        assert found == pytest.approx(sorted(found, reverse=True)), "equally like ones in any order"


def families(count: int) -> Lookalikes:
    """Three persons each, with four captions a person."""
    people = np.arange(count)
    near = np.array([[other for other in range(3 * (me // 3), 3 * (me // 3) + 3) if other != me] for me in people])
    return Lookalikes(people.repeat(4), near)


@pytest.mark.parametrize("by_length", [True, False])
def test_lookalikes_meet_in_a_batch_and_each_caption_comes_once(by_length: bool) -> None:
    people = 60
    lengths = np.random.default_rng(0).integers(10, 60, 4 * people) if by_length else None
    known = families(people)
    sampler = Sampler(4 * people, 24, seed=0, lengths=lengths, lookalikes=known)
    for epoch in range(2):
        batches = [sampler.rows(10 * epoch + step) for step in range(10)]
        assert sorted(row for batch in batches for row in batch.tolist()) == list(range(4 * people))
        family = [known.persons[batch] // 3 for batch in batches]
        met = [
            sum(len(set(known.persons[batch[rows == name]])) == 3 for name in set(rows))
            for batch, rows in zip(batches, family, strict=True)
        ]
        assert sum(met) >= 0.8 * 80, "80 groups of three; the borders of pools and batches part a few"


def test_of_a_lookalikes_captions_the_nearest_in_length_comes() -> None:
    known = Lookalikes(np.array([0, 1, 1, 1]), np.array([[1], [0]]))
    order, groups = known.together(np.array([0, 1, 2, 3]), np.array([20, 40, 22, 10]))
    assert order.tolist() == [0, 2, 1, 3]
    assert groups.tolist() == [0, 0, 1, 3]
    assert known.together(np.array([0, 1, 2, 3]), None)[0].tolist() == [0, 1, 2, 3]


def test_relatives_are_the_rest_of_a_drawn_family() -> None:
    """Three by three in the order of ids, with gaps and repetitions; in a smaller last family someone stands in for who is missing."""
    found = relatives(np.array([5, 5, 6, 7, 8, 9, 9, 10, 12]), family=3)
    assert found.persons.tolist() == [0, 0, 1, 2, 3, 4, 4, 5, 6]
    assert [sorted(near) for near in found.near.tolist()] == [[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4], [6, 6]]


def test_a_batch_holds_whole_families() -> None:
    persons = np.repeat(np.arange(30), 2)
    rows = Sampler(60, 12, 0, lookalikes=relatives(persons, family=3)).rows(0)
    families = np.bincount(persons[rows] // 3, minlength=10)
    assert sorted(families[families > 0]) == [3, 3, 3, 3]
