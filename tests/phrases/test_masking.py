import itertools
import random

import pytest

from cada.phrases.masking import token_phrases


def by_loops(offsets: list[tuple[int, int]], spans: list[tuple[int, int]]) -> list[int]:
    """The oracle: the phrase that shares a character with the piece."""
    found = []
    for start, end in offsets:
        owners = [index for index, (low, high) in enumerate(spans) if set(range(start, end)) & set(range(low, high))]
        found.append(owners[0] if owners else -1)
    return found


def test_pieces_of_a_phrase_share_its_index_and_special_tokens_have_none() -> None:
    # [CLS] a red t - shirt and jeans [SEP]
    offsets = [(0, 0), (0, 1), (2, 5), (6, 7), (7, 8), (8, 13), (14, 17), (18, 23), (0, 0)]
    assert token_phrases(offsets, [(2, 13), (18, 23)]) == [-1, -1, 0, 0, 0, 0, -1, 1, -1]


def test_special_tokens_stay_outside_a_phrase_that_starts_the_caption() -> None:
    assert token_phrases([(0, 0), (0, 3), (0, 0)], [(0, 3)]) == [-1, 0, -1]


def test_no_phrases_and_no_tokens() -> None:
    assert token_phrases([(0, 0), (0, 3)], []) == [-1, -1]
    assert token_phrases([], [(0, 3)]) == []


def test_overlapping_phrases_are_a_mistake_of_the_programmer() -> None:
    with pytest.raises(AssertionError, match="overlap"):
        token_phrases([(0, 3)], [(0, 3), (2, 5)])


def test_equals_plain_loops_on_random_captions() -> None:
    source = random.Random(11)
    for _ in range(500):
        cuts = sorted(source.sample(range(80), 2 * source.randrange(1, 12)))
        spans = [(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=True) if source.random() < 0.5]
        edges = sorted(source.sample(range(80), source.randrange(2, 40)))
        pieces = [(start, end) for start, end in itertools.pairwise(edges) if sum(low < end and start < high for low, high in spans) < 2]
        offsets = [(0, 0), *pieces, (0, 0)]
        assert token_phrases(offsets, spans) == by_loops(offsets, spans)


def test_phrases_may_touch() -> None:
    assert token_phrases([(0, 0), (0, 2), (2, 4), (4, 5), (5, 6)], [(0, 2), (2, 4), (4, 6)]) == [-1, 0, 1, 2, 2]
