"""Times of images as POSIX seconds; one without a time zone is taken as UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def posix(time: datetime) -> float:
    """The POSIX time of a date and time."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def parsed(text: str) -> float:
    """The POSIX time of a text in ISO 8601. Errors: `ValueError` for any other."""
    return posix(datetime.fromisoformat(text))


def as_text(time: float) -> str:
    """A POSIX time in ISO 8601, to the second."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
