"""What the tables of associations share: which pairs were measured, whose heads, and how intervals are made."""

from __future__ import annotations

from collections.abc import Sequence

from cada.reporting.results.associations import Associated, first_of
from cada.reporting.tables.notes import interval_note

UNKNOWN = "Where things are is known in drawn images only."


def pairs_note(files: Associated) -> str:
    """How many captions with their own images, of how many persons, and with how many seeds."""
    first, seeds = first_of(files), ", ".join(map(str, seeds_of(files)))
    return f"{first.pairs} test captions, each with its own image, of {first.persons} persons; mean over the seeds {seeds}."


def match_notes(files: Associated) -> list[str]:
    """Which variants do not train the match head; nothing where all do."""
    return _not_trained("match head", [name for name, own in files.items() if not own[0].trains_match])


def decoder_notes(files: Associated) -> list[str]:
    """Which variants do not train the attribute decoder; nothing where all do."""
    return _not_trained("attribute decoder", [name for name, own in files.items() if not own[0].trains_decoder])


def _not_trained(head: str, variants: Sequence[str]) -> list[str]:
    names = ", ".join(variants)
    return (
        [f"Without a loss for the {head}: {names}. Theirs is the start's, and reads images that are encoded otherwise by now."]
        if names
        else []
    )


def mean_note(files: Associated) -> str:
    """How the interval of a mean is made."""
    return interval_note(seeds_of(files), of="a mean over phrases", paired=False)


def seeds_of(files: Associated) -> list[int]:
    """The seeds, which all variants share."""
    return [file.seed for file in next(iter(files.values()))]
