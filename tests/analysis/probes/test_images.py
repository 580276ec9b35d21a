"""Changes of images against plain loops, and that a image's change does not depend on the others."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cada.analysis.probes.images import blurred, darkened, image_changes, occluded, shrunk
from cada.datasets.images import normalise
from cada.synthpedes.randomness import Stream

SIZE = (24, 12)
CHANGES = image_changes(blur=0.05, darkness=0.4, occlusion=0.25, low_resolution=3)


def images(count: int = 5) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def streams(count: int) -> list[Stream]:
    return [Stream("image", number) for number in range(count)]


@pytest.mark.parametrize("kind", CHANGES)
def test_each_image_is_changed_alone(kind: str) -> None:
    original = images()
    whole = CHANGES[kind](original, streams(5))
    assert whole.dtype == torch.uint8
    assert whole.shape == original.shape
    assert torch.equal(original, images())
    for row in range(5):
        assert torch.equal(CHANGES[kind](original[row : row + 1], streams(5)[row : row + 1])[0], whole[row])
        assert not torch.equal(whole[row], original[row])


def test_darkness_multiplies() -> None:
    expected = [[round(value * 0.4) for value in plane] for plane in images().flatten(2).flatten(0, 1).tolist()]
    assert darkened(images(), brightness=0.4).flatten(2).flatten(0, 1).tolist() == expected
    assert torch.equal(darkened(images(), brightness=1.0), images())


@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.3])
def test_blur_is_a_gaussian_mean_of_the_neighbours(sigma: float) -> None:
    """The plain double loop over a mirrored image. The last one reaches over the whole width."""
    original, deviation = images(1), sigma * SIZE[0]
    reach = min(math.ceil(3 * deviation), SIZE[0] - 1, SIZE[1] - 1)
    weights = [math.exp(-((offset / deviation) ** 2) / 2) for offset in range(-reach, reach + 1)]

    def mirrored(place: int, size: int) -> int:
        return abs(place) if place < size else 2 * (size - 1) - place

    expected = np.zeros((3, *SIZE))
    plain = original[0].numpy().astype(float)
    for row in range(SIZE[0]):
        for column in range(SIZE[1]):
            for down, first in zip(range(-reach, reach + 1), weights, strict=True):
                for right, second in zip(range(-reach, reach + 1), weights, strict=True):
                    expected[:, row, column] += first * second * plain[:, mirrored(row + down, SIZE[0]), mirrored(column + right, SIZE[1])]
    expected /= sum(weights) ** 2
    np.testing.assert_allclose(blurred(original, sigma=sigma)[0].numpy(), expected, atol=0.5 + 1e-3)


def test_occlusion_covers_its_share_of_the_area_in_what_the_encoder_reads_as_zero() -> None:
    original = torch.zeros(40, 3, *SIZE, dtype=torch.uint8)
    changed = occluded(original, streams(40), share=0.25)
    corners = set()
    for image in changed:
        covered = image.bool().any(dim=0)
        rows, columns = (torch.nonzero(covered.any(dim=axis))[:, 0] for axis in (1, 0))
        assert (len(rows), len(columns)) == (12, 6)
        assert covered.sum() == SIZE[0] * SIZE[1] / 4
        assert normalise(image)[:, covered].abs().max() < 0.01
        corners.add((int(rows[0]), int(columns[0])))
    assert len(corners) > 20
    assert {row for row, _ in corners} <= set(range(13))
    assert {column for _, column in corners} <= set(range(7))


def test_low_resolution_keeps_means_over_areas() -> None:
    """Of a image of squares 3 wide, the middles of the squares remain; of finer ones, their mean."""
    coarse = images(2)[:, :, : SIZE[0] // 3, : SIZE[1] // 3].repeat_interleave(3, dim=2).repeat_interleave(3, dim=3)
    changed = shrunk(coarse, factor=3)
    assert torch.equal(changed[:, :, 1::3, 1::3], coarse[:, :, 1::3, 1::3])
    fine = torch.zeros(1, 3, *SIZE, dtype=torch.uint8)
    fine[:, :, ::2] = 200
    assert torch.equal(shrunk(fine, factor=2), torch.full_like(fine, 100))
    assert shrunk(images(), factor=1000).flatten(2).float().std(dim=2).max() == 0
