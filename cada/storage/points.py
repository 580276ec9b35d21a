"""The name of a point of a sweep's grid: a variant, and the values that are put in place of its own, `dual,ara=0.5`."""

from __future__ import annotations


def base_of(name: str) -> str:
    """The variant whose file a row's name begins with: `dual` for `dual,ara=0.5`."""
    return name.split(",")[0]


def values_of(name: str) -> dict[str, str]:
    """The values in a row's name by their keys, as text: none for a variant, `ara` is 0.5 for `dual,ara=0.5`."""
    changes = (change.partition("=") for change in name.split(",")[1:])
    return {key: value for key, _, value in changes}
