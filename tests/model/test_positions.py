"""Resized position embeddings: constants, and every value by plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from cada.model.positions import grid_of, resize_positions
from tests.messages import refused


def test_the_grid_of_an_image() -> None:
    assert grid_of((96, 48), (16, 8)) == (6, 6)
    assert grid_of((384, 128), (16, 16)) == (24, 8)


def test_the_same_grid_changes_nothing() -> None:
    embedding = torch.randn(1, 1 + 6, 5)
    assert torch.equal(resize_positions(embedding, old=(3, 2), new=(3, 2)), embedding)


@pytest.mark.parametrize("new", [(28, 28), (24, 8), (7, 7), (14, 5)])
def test_the_first_position_is_kept_and_a_constant_stays_one(new: tuple[int, int]) -> None:
    embedding = torch.cat([torch.randn(1, 1, 4), torch.tensor([1.0, -2.0, 0.0, 5.0]).expand(1, 14 * 14, 4)], dim=1)
    resized = resize_positions(embedding, old=(14, 14), new=new)
    assert resized.shape == (1, 1 + new[0] * new[1], 4)
    assert torch.equal(resized[:, 0], embedding[:, 0])
    assert torch.allclose(resized[0, 1:], torch.tensor([1.0, -2.0, 0.0, 5.0]), atol=1e-5)


def kernel(distance: float) -> float:
    """Weight of a neighbour in cubic convolution with the slope -0.75 at distance 1."""
    x = abs(distance)
    if x <= 1:
        return 1.25 * x**3 - 2.25 * x**2 + 1
    return -0.75 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


@pytest.mark.parametrize(("old", "new"), [((4, 4), (8, 8)), ((8, 8), (6, 3)), ((3, 6), (4, 5))])
def test_every_value_by_hand(old: tuple[int, int], new: tuple[int, int]) -> None:
    """Patch i of n covers [i, i + 1] / n of the image; a new centre reads the 4 x 4 nearest old ones, the border repeated."""
    embedding = torch.randn(1, 1 + old[0] * old[1], 1, dtype=torch.float64)
    resized = resize_positions(embedding, old=old, new=new)[0, 1:, 0]
    for row in range(new[0]):
        for column in range(new[1]):
            y, x = (row + 0.5) / new[0] * old[0] - 0.5, (column + 0.5) / new[1] * old[1] - 0.5
            total = 0.0
            for near_y in range(math.floor(y) - 1, math.floor(y) + 3):
                for near_x in range(math.floor(x) - 1, math.floor(x) + 3):
                    inside = (min(max(near_y, 0), old[0] - 1), min(max(near_x, 0), old[1] - 1))
                    weight = kernel(y - near_y) * kernel(x - near_x)
                    total += weight * float(embedding[0, 1 + inside[0] * old[1] + inside[1], 0])
            assert resized[row * new[1] + column] == pytest.approx(total, abs=1e-9)


def test_channels_are_resized_one_by_one() -> None:
    embedding = torch.randn(1, 1 + 12, 6)
    resized = resize_positions(embedding, old=(3, 4), new=(5, 2))
    for channel in range(6):
        alone = resize_positions(embedding[..., channel : channel + 1], old=(3, 4), new=(5, 2))
        assert torch.allclose(resized[..., channel], alone[..., 0], atol=1e-6)


def test_another_grid_than_the_embedding_s_is_a_mistake() -> None:
    with refused("13 positions", "3 x 3", by=ValueError):
        resize_positions(torch.zeros(1, 13, 2), old=(3, 3), new=(6, 6))
