"""The doctor's page: titles, and rows of a label and a text in two columns. humanize has no unit for operations."""

from __future__ import annotations

from collections.abc import Mapping

Page = Mapping[str, Mapping[str, str]]  # title: label: text


def render(page: Page) -> str:
    """All rows aligned over the whole page."""
    width = max(len(label) for rows in page.values() for label in rows)
    parts = [title + "".join(f"\n  {label:<{width}}  {text}" for label, text in rows.items()) for title, rows in page.items()]
    return "\n\n".join(parts)


def gigabytes(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def operations(count: float) -> str:
    """Floating-point operations for people."""
    for unit, size in (("PFLOP", 1e15), ("TFLOP", 1e12)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e9:,.1f} GFLOP"


def duration(seconds: float) -> str:
    """Seconds for people, in one unit."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds" if seconds >= 60 else "under a minute"
