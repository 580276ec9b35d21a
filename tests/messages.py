"""What tests hold of a message: its class and the facts that it carries, whatever the words between them.

A fact is a file, a key, a value, a number, a command, or the one word that tells this complaint from another about the same file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cada.errors import CadaError

Fact = str | int | float | Path


@contextmanager
def refused(
    *facts: Fact, by: type[Exception] = CadaError, cause: type[BaseException] | None = None
) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """The block ends in this class of error, with all of the facts in its message; `cause` is the class of one that it was raised from."""
    with pytest.raises(by) as caught:
        yield caught
    assert carries(str(caught.value), *facts)
    assert cause is None or any(isinstance(error, cause) for error in _causes(caught.value)), f"no {cause} behind {caught.value!r}"


def carries(message: str, *facts: Fact) -> bool:
    """All of the facts are in the message; otherwise the test fails with those that are not."""
    absent = _absent(message, facts)
    assert not absent, f"{absent} not in:\n{message}"
    return True


def line_with(page: str, *facts: Fact) -> str:
    """The one line of a page that carries all of the facts."""
    found = [line for line in page.splitlines() if not _absent(line, facts)]
    assert len(found) == 1, f"{len(found)} lines have {facts}:\n{page}"
    return found[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    while earlier := error.__cause__ or error.__context__:
        yield earlier
        error = earlier


def _absent(message: str, facts: tuple[Fact, ...]) -> list[Fact]:
    return [fact for fact in facts if not re.search(_whole(fact), message)]


def _whole(fact: Fact) -> str:
    """The pattern of a fact that is no part of a longer word or number: 3 is not in 13, 0.3 or 3,000."""
    text = str(fact)
    if isinstance(fact, int | float):
        return rf"(?<![\w.,-]){re.escape(text)}(?![\w%]|[.,]\d)"
    return (r"(?<!\w)" if text[0].isalnum() else "") + re.escape(text) + (r"(?!\w)" if text[-1].isalnum() else "")
