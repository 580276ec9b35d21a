"""Each loss recomputed by plain loops."""

import math

import pytest
import torch

from cada import losses
from cada.errors import ArgumentError
from tests.messages import refused


def wave(phase: float, rows: int = 4, width: int = 256) -> torch.Tensor:
    n = torch.arange(rows * width, dtype=torch.float64)
    return torch.sin(0.37 * n + phase).view(rows, width)


@pytest.mark.parametrize(("persons", "known"), [((0, 1, 2, 3), 9.1441135), ((0, 0, 1, 2), 9.4818592), ((5, 5, 5, 5), 19.3847332)])
def test_global_association_has_the_published_values(persons, known):
    # the published code computes in float32
    value = losses.global_association(wave(0.1).float(), wave(0.6).float(), torch.tensor(persons))
    assert float(value) == pytest.approx(known, abs=5e-4)
    assert float(losses.global_association(wave(0.1), wave(0.6), torch.tensor(persons))) == pytest.approx(known, abs=5e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_global_association_equals_plain_loops(dtype):
    generator = torch.Generator().manual_seed(0)
    image, text = (torch.randn(6, 5, generator=generator, dtype=dtype) for _ in range(2))
    persons = [0, 1, 1, 2, 0, 3]
    n = len(persons)

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    def one_way(rows, columns):
        kl, ce = 0.0, 0.0
        for i in range(n):
            z = [50 * cosine(rows[i], columns[j]) for j in range(n)]
            top = max(z)
            log_norm = top + math.log(sum(math.exp(value - top) for value in z))
            same = [float(persons[i] == persons[j]) for j in range(n)]
            for j in range(n):
                log_p, q = z[j] - log_norm, same[j] / sum(same)
                kl += math.exp(log_p) * (log_p - math.log(q + 1e-8)) + q * (math.log(q + 1e-8) - log_p)
                ce -= q * log_p
        return kl / n**2 + ce / n

    rows, columns = image.double().tolist(), text.double().tolist()
    expected = (one_way(rows, columns) + one_way(columns, rows)) / 2
    assert float(losses.global_association(image, text, torch.tensor(persons))) == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 16, generator=generator), torch.randn(8, 16, generator=generator), torch.tensor([0, 0, 1, 2, 3, 1, 4, 5])


def test_hardest_negatives_equal_a_plain_search(features):
    image, text, persons = features
    found = losses.hard_negatives(image, text, persons, how="hardest")
    for i in range(8):
        others = [j for j in range(8) if persons[j] != persons[i]]
        assert int(found.image[i]) == max(others, key=lambda j: float(text[i] @ image[j]))
        assert int(found.text[i]) == max(others, key=lambda j: float(image[i] @ text[j]))


def test_published_negatives_are_the_hardest_where_nothing_underflows(features):
    image, text, persons = features
    small = (0.3 * image, 0.3 * text)
    published = losses.hard_negatives(*small, persons, how="published")
    hardest = losses.hard_negatives(*small, persons, how="hardest")
    assert published.degenerate == 0
    assert torch.equal(published.image, hardest.image)
    assert torch.equal(published.text, hardest.text)


def test_published_negatives_fall_to_index_zero_where_the_softmax_underflows():
    # large features whose own pair takes all of the softmax: every weight of another person is exactly 0
    image = 20 * torch.eye(4)
    persons = torch.arange(4)
    published = losses.hard_negatives(image, image, persons, how="published")
    assert published.degenerate == 8
    assert published.image.tolist() == [0, 0, 0, 0]  # for caption 0 this is its own image: the flaw
    hardest = losses.hard_negatives(image, image, persons, how="hardest")
    assert all(int(j) != i for i, j in enumerate(hardest.image))


def test_sampled_negatives_follow_the_softmax_of_the_cosine(features):
    image, text, persons = features
    generator = torch.Generator().manual_seed(2)
    draws = torch.stack([losses.hard_negatives(image, text, persons, how="sampled", generator=generator).image for _ in range(4000)])
    for i in range(8):
        weights = [
            0.0 if persons[j] == persons[i] else math.exp(float(torch.cosine_similarity(text[i], image[j], dim=0)) / 0.07) for j in range(8)
        ]
        for j in range(8):
            assert float((draws[:, i] == j).float().mean()) == pytest.approx(weights[j] / sum(weights), abs=0.03)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_negatives_are_not_drawn_from_what_is_no_number(features, wrong):
    image, text, persons = features
    text[3, 0] = wrong
    with pytest.raises(FloatingPointError):
        losses.hard_negatives(image, text, persons, how="sampled", generator=torch.Generator())


def test_negatives_need_two_persons(features):
    with refused("persons", "8 pairs", by=ArgumentError):
        losses.hard_negatives(*features[:2], torch.zeros(8, dtype=torch.long), how="hardest")


def test_fixed_groups_include_the_padding():
    hidden = torch.randn(2, 73, 4, generator=torch.Generator().manual_seed(3))
    groups = losses.group_means(hidden, torch.tensor([5, 73]), how="fixed")
    assert torch.allclose(groups[:, 0], hidden[:, 1:37].mean(dim=1))
    assert torch.allclose(groups[:, 1], hidden[:, 37:73].mean(dim=1))


@pytest.mark.parametrize(
    ("length", "parts"),
    [  # of [ENC] pieces [SEP]
        (3, [[1], [1]]),
        (4, [[1], [2]]),
        (5, [[1, 2], [2, 3]]),
        (8, [[1, 2, 3], [4, 5, 6]]),
        (8, [[1, 2, 3, 4, 5, 6]]),
        (8, [[1, 2], [3, 4], [5, 6]]),
        (6, [[1, 2], [2, 3], [3, 4]]),
        (3, [[1], [1], [1]]),
    ],
)
def test_parts_hold_the_word_pieces_only(length, parts):
    hidden = torch.randn(1, 10, 4, generator=torch.Generator().manual_seed(4))
    groups = losses.group_means(hidden, torch.tensor([length]), how="parts", count=len(parts))
    assert torch.allclose(groups[0], torch.stack([hidden[0, part].mean(dim=0) for part in parts]))


def test_fixed_groups_of_another_number_are_equal_parts():
    hidden = torch.randn(1, 73, 4, generator=torch.Generator().manual_seed(3))
    groups = losses.group_means(hidden, torch.tensor([5]), how="fixed", count=3)
    assert torch.allclose(groups[0], torch.stack([hidden[0, start : start + 24].mean(dim=0) for start in (1, 25, 49)]))


def test_match_loss_equals_plain_loops():
    logits = torch.randn(6, 2, 2, generator=torch.Generator().manual_seed(5))
    matches = torch.tensor([False, True, False, False, True, False])
    expected = 0.0
    for row in range(6):
        for group in range(2):
            values = logits[row, group].tolist()
            expected -= values[int(matches[row])] - math.log(sum(map(math.exp, values)))
    assert float(losses.match_loss(logits, matches)) == pytest.approx(expected / 12)
    assert float(losses.match_loss(logits[:, 0], matches)) == pytest.approx(float(losses.match_loss(logits[:, :1], matches)))


def test_groups_are_chosen_whole():
    groups = torch.tensor([[-1, 0, 0, -1, 1, 1, 1, -1], [-1, 0, -1, 2, 2, 1, -1, -1]])
    generator = torch.Generator().manual_seed(6)
    seen = set()
    for _ in range(200):
        chosen = losses.select_groups(groups, rate=0.5, generator=generator)
        assert not chosen[groups < 0].any()
        for row in range(2):
            for number in range(3):
                members = chosen[row][groups[row] == number]
                assert members.all() or not members.any()
        seen.add(tuple(chosen.flatten().tolist()))
    assert len(seen) > 16  # of the 2^5 subsets


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.8, 1.0])
def test_groups_are_chosen_at_the_rate_and_never_none(rate):
    groups = torch.arange(50).expand(20, 50)
    generator = torch.Generator().manual_seed(7)
    chosen = torch.stack([losses.select_groups(groups, rate=rate, generator=generator) for _ in range(20)])
    assert float(chosen.float().mean()) == pytest.approx(rate, abs=0.02)
    assert chosen.flatten(1).any(dim=1).all()


def test_no_group_nothing_chosen():
    assert not losses.select_groups(torch.full((2, 5), -1), rate=1.0, generator=torch.Generator()).any()
