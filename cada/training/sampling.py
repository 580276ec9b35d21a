"""Which captions meet in a batch: a function of the seed and the step alone.

Legend: Q captions, B batch, P persons, N look-alikes, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array, diags_array

from cada.errors import ArgumentError
from cada.model.tokenizer import TokenizedCaptions

POOL = 16  # batches whose captions are sorted by length together
LOOKALIKES = 2
_ROWS = 1024  # persons whose similarities to all others are in memory at a time


@dataclass(eq=False)
class Sampler:
    """Shuffles `count` captions anew in each epoch and cuts them into batches; the rest is dropped.

    With `lengths` (Q) the batches hold captions of like length, so that little is padding: the shuffled captions are sorted
    within pools of POOL batches, and the epoch's batches are shuffled again. With `lookalikes` a caption brings captions of
    other persons along.
    """

    count: int
    batch_size: int
    seed: int
    lengths: np.ndarray | None = None
    lookalikes: Lookalikes | None = None
    _made: tuple[int, np.ndarray] | None = field(default=None, init=False)  # the last epoch that was requested

    def rows(self, step: int) -> np.ndarray:
        """The captions (B) of batch `step`."""
        epoch, place = divmod(step, steps_per_epoch(self.count, self.batch_size))
        if self._made is None or self._made[0] != epoch:
            self._made = epoch, self._epoch(epoch)
        return self._made[1][place]

    def _epoch(self, epoch: int) -> np.ndarray:
        """The batches of an epoch (steps, B)."""
        steps = steps_per_epoch(self.count, self.batch_size)
        draw = np.random.Generator(np.random.PCG64([self.seed, epoch]))
        order = draw.permutation(self.count)
        groups = np.arange(self.count)  # captions that stay together bear one number
        if self.lookalikes:
            order, groups = self.lookalikes.together(order, self.lengths)
        order, groups = order[: steps * self.batch_size], groups[: steps * self.batch_size]
        if self.lengths is None:
            return order.reshape(steps, self.batch_size)
        longest = np.zeros(self.count, dtype=self.lengths.dtype)
        np.maximum.at(longest, groups, self.lengths[order])
        pools = np.array_split(np.arange(len(order)), range(POOL * self.batch_size, len(order), POOL * self.batch_size))
        by_length = np.concatenate([pool[np.lexsort((groups[pool], longest[groups[pool]]))] for pool in pools])
        return order[by_length].reshape(steps, self.batch_size)[draw.permutation(steps)]


@dataclass(frozen=True, eq=False)
class Lookalikes:
    """For each person the N whose captions are most like hers: persons (Q) are rows of near (P, N)."""

    persons: np.ndarray
    near: np.ndarray

    def together(self, order: np.ndarray, lengths: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The captions in `order` (Q), each followed by one of each of its person's look-alikes, and the numbers of these groups (Q).

        Every caption is taken once. Of a look-alike's captions that are left, the one nearest in length is taken, or without
        `lengths` the first.
        """
        left: list[list[int]] = [[] for _ in self.near]
        for row in order.tolist():
            left[self.persons[row]].append(row)
        taken, numbers = [], []
        for number, row in enumerate(order.tolist()):
            person = self.persons[row]
            if row not in left[person]:
                continue
            left[person].remove(row)
            group = [row]
            for other in self.near[person]:
                if left[other]:
                    nearest = (
                        left[other][0] if lengths is None else min(left[other], key=lambda caption: abs(lengths[caption] - lengths[row]))
                    )
                    left[other].remove(nearest)
                    group.append(nearest)
            taken += group
            numbers += [number] * len(group)
        return np.array(taken), np.array(numbers)


def find_lookalikes(captions: TokenizedCaptions, persons: np.ndarray, *, count: int = LOOKALIKES) -> Lookalikes:
    """The look-alikes of each of the `persons` (Q): those whose captions share the most words, rare ones above all.

    Cosine of the persons' TF-IDF vectors, log(1 + n) log(P / p) for a word piece that occurs n times with a person and with p
    persons. Order does not count: who wears the same things in other colours, or two colours swapped, is near.
    """
    names, index = np.unique(persons, return_inverse=True)
    people, width = len(names), captions.ids.shape[1]
    word = np.arange(width) < captions.lengths[:, None]  # (Q, L)
    rows, columns = np.repeat(index, captions.lengths), captions.ids[word]
    counts = csr_array((np.ones(len(rows)), (rows, columns)), shape=(people, int(columns.max()) + 1))  # adds up
    counts.sum_duplicates()
    with_word = np.bincount(counts.indices, minlength=counts.shape[1])
    vectors = counts.log1p() @ diags_array(np.log(people / np.maximum(with_word, 1)))  # (P, V)
    norms = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    vectors = csr_array(diags_array(1 / np.maximum(norms, 1e-12)) @ vectors)
    near = []
    for start in range(0, people, _ROWS):
        similar = (vectors[start : start + _ROWS] @ vectors.T).toarray()
        similar[np.arange(len(similar)), np.arange(start, start + len(similar))] = -1
        near.append(np.argsort(-similar, axis=1, kind="stable")[:, : min(count, people - 1)])
    return Lookalikes(index, np.concatenate(near))


def relatives(persons: np.ndarray, *, family: int) -> Lookalikes:
    """The look-alikes of the `persons` (Q) of a drawn set, whose families have ids side by side: the rest of their family."""
    names, index = np.unique(persons, return_inverse=True)
    own = np.arange(len(names))
    near = own[:, None] // family * family + (own[:, None] % family + 1 + np.arange(family - 1)) % family
    return Lookalikes(index, np.minimum(near, len(names) - 1))  # the last family may be smaller


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Whole batches in `count` samples. Errors: `ArgumentError` where there is none."""
    if count < batch_size:
        raise ArgumentError("batch_size", f"a batch of {batch_size} needs as many samples, and there are {count}")
    return count // batch_size
