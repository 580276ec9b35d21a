"""Similarity distribution matching recomputed by plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from cada.objectives.sdm import similarity_distribution_matching


def by_loops(images: list[list[float]], texts: list[list[float]], persons: list[int]) -> float:
    def cosine(one: list[float], other: list[float]) -> float:
        product = sum(x * y for x, y in zip(one, other, strict=True))
        return product / math.sqrt(sum(x * x for x in one) * sum(y * y for y in other))

    def one_way(rows: list[list[float]], columns: list[list[float]]) -> float:
        total = 0.0
        for i, row in enumerate(rows):
            logits = [cosine(row, column) / 0.02 for column in columns]
            largest = max(logits)
            norm = largest + math.log(sum(math.exp(logit - largest) for logit in logits))
            same = [float(persons[i] == person) for person in persons]
            for logit, match in zip(logits, same, strict=True):
                q = match / sum(same)
                total += math.exp(logit - norm) * (logit - norm - math.log(q + 1e-8))
        return total / len(rows)

    return one_way(images, texts) + one_way(texts, images)


@pytest.mark.parametrize("persons", [[0, 1, 2, 3, 4, 5], [0, 1, 1, 2, 0, 1], [7, 7, 7, 7, 7, 7]])
def test_equals_plain_loops(persons: list[int]) -> None:
    draw = torch.Generator().manual_seed(0)
    images, texts = (torch.randn(6, 5, generator=draw) for _ in range(2))
    found = similarity_distribution_matching(images, texts, torch.tensor(persons))
    assert float(found) == pytest.approx(by_loops(images.tolist(), texts.tolist(), persons), rel=1e-5)


def test_features_that_match_their_person_alone_have_no_loss() -> None:
    features = torch.eye(4)
    assert float(similarity_distribution_matching(3 * features, features, torch.arange(4))) == pytest.approx(0, abs=1e-6)
    assert float(similarity_distribution_matching(features, features.flip(0), torch.arange(4))) > 30
