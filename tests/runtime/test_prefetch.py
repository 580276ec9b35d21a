"""The next result is made while one is used, in order, and no further ahead."""

from __future__ import annotations

import threading

import pytest

from cada.runtime.prefetch import prefetched


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_order(count: int) -> None:
    assert list(prefetched(lambda item: item * item, range(count))) == [item * item for item in range(count)]


def test_the_next_is_made_while_one_is_used_and_no_more() -> None:
    made = [threading.Event() for _ in range(4)]
    results = prefetched(lambda item: made[item].set() or item, range(4))
    assert next(results) == 0
    assert made[1].wait(timeout=10)
    assert not made[2].wait(timeout=0.1)
    assert list(results) == [1, 2, 3]


def test_an_error_comes_where_the_result_would() -> None:
    results = prefetched(lambda item: 6 // item, [3, 2, 0, 1])
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_reader_that_stops_leaves_no_thread() -> None:
    results = prefetched(lambda item: item, range(5))
    next(results)
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]
