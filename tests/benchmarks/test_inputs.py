"""Drawn inputs have the distribution that the page states."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.images import published_image, write_images
from benchmarks.inputs import candidates_of, caption_lengths, captions_of
from cada.datasets.images import load_image, normalise
from cada.model.tokenizer import Tokenizer


@pytest.mark.parametrize("count", [8, 32, 1000])
def test_lengths_have_a_mean_of_28_tokens(count: int) -> None:
    lengths = caption_lengths(count)
    assert lengths.mean() == pytest.approx(28, abs=0.6)
    assert lengths.min() >= 8 and lengths.max() <= 73
    assert np.median(lengths) == pytest.approx(26.4, abs=1.5)


def test_captions_have_the_lengths_that_were_asked_for(tokenizer: Tokenizer) -> None:
    lengths = np.array([8, 28, 73])
    assert tokenizer(captions_of(lengths, tokenizer)).lengths.tolist() == lengths.tolist()


def test_every_image_is_read_by_as_many_captions() -> None:
    candidates = candidates_of(32, 32, 8)
    assert all(len(set(row)) == 8 for row in candidates.tolist())
    assert np.bincount(candidates.ravel(), minlength=32).tolist() == [8] * 32


def test_the_published_loading_is_ours_where_nothing_is_changed(tmp_path: Path) -> None:
    (path,) = write_images(tmp_path, 1)

    class Unchanged(random.Random):
        """Never flips or erases; crops the middle."""

        def random(self) -> float:
            return 1.0

        def randint(self, low: int, high: int) -> int:
            return (low + high) // 2

    found = published_image(path, (64, 48), Unchanged())
    assert torch.equal(found, normalise(torch.from_numpy(load_image(path, (64, 48)).transpose(2, 0, 1).copy())[None])[0])
