"""Random numbers that are the same on every machine and for ever: SplitMix64 in integers, seeded by a hash of names.

Source of the generator: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
Each image and each caption has a stream of its own, so the order of drawing does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
T = TypeVar("T")


class Stream:
    """A stream of random integers, named by anything that can be written as text."""

    __slots__ = ("_state",)

    def __init__(self, *names: object) -> None:
        name = "/".join(str(part) for part in names)
        self._state = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")

    def bits(self) -> int:
        """64 random bits."""
        self._state = (self._state + _GAMMA) & _MASK
        value = self._state
        value = ((value ^ (value >> 30)) * _MIX[0]) & _MASK
        value = ((value ^ (value >> 27)) * _MIX[1]) & _MASK
        return value ^ (value >> 31)

    def below(self, bound: int) -> int:
        """An integer of 0 .. bound - 1."""
        return (self.bits() * bound) >> 64

    def between(self, low: int, high: int) -> int:
        """An integer of low .. high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 cases."""
        return self.below(100) < percent

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[self.below(len(items))]

    def weighted(self, weights: Mapping[T, int]) -> T:
        """One of the keys, as likely as its weight says."""
        ticket = self.below(sum(weights.values()))
        for item, weight in weights.items():
            ticket -= weight
            if ticket < 0:
                return item
        raise AssertionError("the ticket is below the sum of the weights")

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order (Fisher and Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def octets(self, count: int) -> np.ndarray:
        """`count` random bytes (uint8): the same generator, run over a counter."""
        words = np.arange(1, (count + 7) // 8 + 1, dtype=np.uint64) * np.uint64(_GAMMA) + np.uint64(self.bits())
        words = (words ^ (words >> np.uint64(30))) * np.uint64(_MIX[0])
        words = (words ^ (words >> np.uint64(27))) * np.uint64(_MIX[1])
        words ^= words >> np.uint64(31)
        return words.astype("<u8", copy=False).view(np.uint8)[:count]
