"""Values as the text of cells and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from cada.reporting.statistics import Difference

MINUS = "\N{MINUS SIGN}"
Record = Mapping[Any, Any]  # a row of a table's values, by its columns


def frame(records: Sequence[Record], columns: Iterable[str]) -> pd.DataFrame:
    """Values of a table: whole numbers stay whole beside unknown ones, and what a record lacks is unknown."""
    return pd.DataFrame(records, columns=list(columns), dtype=object)


def records_by(values: pd.DataFrame, *columns: str) -> dict[Any, list[Record]]:
    """The rows with the same value in a column, or the same values in several, in the order in which they come."""
    found: dict[Any, list[Record]] = {}
    for record in values.to_dict("records"):
        key = tuple(record[name] for name in columns)
        found.setdefault(key if len(key) > 1 else key[0], []).append(record)
    return found


def parts_of(names: Iterable[str], parts: Sequence[str]) -> list[str]:
    """The columns <name>_<part> of every name."""
    return [f"{name}_{part}" for name in names for part in parts]


def spread(record: Record, name: str) -> str:
    """<name>_mean with <name>_std: 46.1 ± 0.8, or the mean alone for one seed; empty where it is unknown."""
    mean, deviation = record[f"{name}_mean"], record[f"{name}_std"]
    return "" if pd.isna(mean) else f"{mean:.1f}" + ("" if pd.isna(deviation) else f" ± {deviation:.1f}")


def interval(record: Record, name: str) -> str:
    """<name>_low and <name>_high: 45.2 to 47.0; empty where they are unknown."""
    low, high = record[f"{name}_low"], record[f"{name}_high"]
    return "" if pd.isna(low) else f"{low:.1f} to {high:.1f}"


def points(record: Record, mean: str, ends: str = "") -> list[str]:
    """Two cells of a difference in points, by the names of its mean and of what its ends <ends>_low and <ends>_high begin with.

    +0.3 and +0.1 to +0.5; both are empty where there is no interval.
    """
    low, high = record[f"{ends or mean}_low"], record[f"{ends or mean}_high"]
    return ["", ""] if pd.isna(low) else [signed(record[mean], plus=True), f"{signed(low, plus=True)} to {signed(high, plus=True)}"]


def difference_values(name: str, difference: Difference | None) -> dict[str, float | None]:
    """A difference's mean under `name`, and the ends of its interval under <name>_low and <name>_high."""
    mean, (low, high) = (difference.mean, difference.interval) if difference else (None, (None, None))
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def signed(value: float, *, plus: bool = False) -> str:
    """A number to one decimal, or to as many, up to four, as tell it from zero.

    With a true minus sign, and with a plus if `plus`; zero has neither.
    """
    value = round(value, 4)
    for places in range(1, 5):
        text = f"{abs(value):.{places}f}"
        if float(text):
            return (MINUS if value < 0 else "+" * plus) + text
    return "0.0"


def counted(number: int, what: str) -> str:
    """1 seed, or 3 seeds."""
    return f"{number} {what}{'s' * (number != 1)}"


def scaled(value: float) -> str:
    """A large number with three figures: 1.23 M, 45.6 G."""
    for prefix, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            digits = 2 if value < 10 * size else 1 if value < 100 * size else 0
            return f"{value / size:.{digits}f} {prefix}"
    return f"{value:.0f}"


def by_value(values: Mapping[str, str]) -> str:
    """The value of every variant, by its name: one where all agree, else each with its variant."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{value} ({name})" for name, value in values.items())
