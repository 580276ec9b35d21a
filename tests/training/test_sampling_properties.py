"""What holds for every sampler: whole batches, no caption twice in an epoch, nothing but seed and step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cada.training.sampling import Lookalikes, Sampler, relatives


@st.composite
def samplers(draw: st.DrawFn) -> Sampler:
    count = draw(st.integers(2, 60))
    lengths = np.array(draw(st.lists(st.integers(3, 70), min_size=count, max_size=count))) if draw(st.booleans()) else None
    persons = np.array(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)))
    lookalikes: Lookalikes | None = relatives(persons, family=draw(st.integers(2, 3))) if draw(st.booleans()) else None
    return Sampler(count, draw(st.integers(1, count)), draw(st.integers(0, 5)), lengths, lookalikes)


@given(samplers(), st.integers(0, 3))
def test_an_epoch_is_whole_batches_of_different_captions(sampler: Sampler, epoch: int) -> None:
    steps = sampler.count // sampler.batch_size
    rows = [sampler.rows(epoch * steps + step) for step in range(steps)]
    assert all(len(batch) == sampler.batch_size for batch in rows)
    taken = np.concatenate(rows)
    assert len(np.unique(taken)) == len(taken)
    assert set(taken.tolist()) <= set(range(sampler.count))


@given(samplers(), st.permutations(range(6)))
def test_a_batch_does_not_depend_on_the_batches_before(sampler: Sampler, order: list[int]) -> None:
    forward = [sampler.rows(step).tolist() for step in range(6)]
    assert {step: sampler.rows(step).tolist() for step in order} == dict(enumerate(forward))
