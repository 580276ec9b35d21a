"""The choices of a run: which of two images or sentences, one of them wrong in a detail, each model prefers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import pandas as pd

from cada.analysis.probes.names import GROUP, SCORED, SCORES, SIDES
from cada.reporting.results.rankings import QUERY
from cada.storage.tables import read_table

GAIN = "match less cosine"
CHOSEN = ("image", "sentence", "caption")
KINDS = ("swap", "colour", "type", "absence", "swapped_colours", "negation")
CHANCE = 50.0  # per cent
ENOUGH = 25  # choices; slots with fewer are no group of their own
Choices = Mapping[str, Sequence[pd.DataFrame]]  # by variant, a table for each seed: a row for each choice, indexed by GROUP and QUERY


def read_choices(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> Choices:
    """The choices of variants x seeds, and no others, with what is right by each score: 100, 50 for a tie, or 0; and the GAIN.

    Without a match score nothing is known of it. Errors: `CadaError` for a file that is missing or lacks a column.
    """

    def read(variant: str, seed: int) -> pd.DataFrame:
        command = f"cada probe {dataset} --variant {variant} --seed {seed}"
        table = read_table(folder / variant / f"{seed}.parquet", [*GROUP, *QUERY, "person", *SCORED], command=command)
        for score in SCORES:
            right, wrong = (table[f"{score}_{side}"] for side in SIDES)
            table[score] = (100.0 * (right > wrong) + CHANCE * (right == wrong)).where(right.notna())
        table[GAIN] = table["match"] - table["cosine"]
        return table.set_index(pd.MultiIndex.from_frame(table[[*GROUP, *QUERY]], names=[None] * 5))

    return {variant: [read(variant, seed) for seed in seeds] for variant in variants}


def measures(choices: Choices, variant: str) -> tuple[str, ...]:
    """What there is of a variant: the cosine alone, or also the match score and the GAIN."""
    return ("cosine",) if any(table["match"].isna().any() for table in choices[variant]) else (*SCORES, GAIN)


def own_score(choices: Choices, variant: str) -> str:
    """What a variant is judged by here: the match score where it has one, else the cosine."""
    return "match" if "match" in measures(choices, variant) else "cosine"


def groups(table: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    """The choices of each kind, whose slots are "", and of those the ones of each of its slots with ENOUGH."""
    found: dict[tuple[str, str, str], pd.DataFrame] = {}
    for chosen, kind in product(CHOSEN, KINDS):
        own = table[(table["chosen"] == chosen) & (table["kind"] == kind)]
        if len(own):
            found[chosen, kind, ""] = own
        for slots, some in own.groupby("slots"):
            if slots and len(some) >= ENOUGH:
                found[chosen, kind, str(slots)] = some
    return found
