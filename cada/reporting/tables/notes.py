"""Sentences that several tables and figures share: what the seeds, the intervals and the choices of a run are."""

from __future__ import annotations

from collections.abc import Sequence

from cada.reporting.results.metrics import MeasuredVariant

NOT_CORRECTED = "The intervals are not corrected for the number of comparisons."


def seeds_note(variants: Sequence[MeasuredVariant]) -> str:
    """What ± stands for, and what it does not cover."""
    seeds = [file.seed for file in variants[0].files]
    shared = "All variants and seeds start from the same weights"
    if len(seeds) == 1:
        return f"One seed ({seeds[0]}), so no standard deviation. {shared}."
    return f"{spread_over(seeds)}. {shared}, so ± does not cover another pre-training."


def spread_over(seeds: Sequence[int]) -> str:
    """How many trainings the numbers are of."""
    listed = ", ".join(map(str, seeds))
    return f"Mean ± standard deviation (n - 1) over {len(seeds)} seeds ({listed})" if len(seeds) > 1 else f"One seed ({listed})"


def interval_note(seeds: Sequence[int | str], *, of: str = "a difference between variants", paired: bool = True) -> str:
    """How the interval of a difference is made and what it covers; paired: between two variants."""
    persons = f"The interval of {of}: a bootstrap over persons, each with all queries"
    if len(seeds) == 1:
        return f"{persons}. There is one seed, so it does not cover another training."
    both = ", each with both models" if paired else ""
    covered = " It covers other test persons and other seeds, not another pre-training, training set or gallery." if paired else ""
    return f"{persons}, and over the seeds ({', '.join(map(str, seeds))}){both}, widened by Student's t for their small number.{covered}"


def choice_notes(variants: Sequence[MeasuredVariant]) -> list[str]:
    """Which split chose the checkpoints, and where val comes from in a set without a val split."""
    notes = []
    for key, value, text in (
        ("selection", "val", "Val chose the checkpoint and the weight w; test chose nothing"),
        ("selection", "test", "Test chose the checkpoint, as in the published code"),
        ("val", "held_out", "The set has no val split: val is train persons held out by a fixed rule, and they were not trained on"),
        ("val", "test", "The set has no val split, and val is test, as in the published code: what val chose, test chose"),
    ):
        names = [variant.name for variant in variants if getattr(variant.files[0], key) == value]
        if names:
            notes.append(f"{text} ({', '.join(names)}).")
    return notes
