"""The association files of a run: what was measured of every phrase, with the settings and one pair to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cada.analysis.association.names import PHRASE, columns
from cada.errors import CadaError
from cada.storage.results import ResultFile, read_result
from cada.storage.tables import read_table

Matrix = list[list[float]]


class Example(ResultFile):
    """One pair: its phrases (N), regions (R), what these cover of the patches (R, P), and maps (N, P) and matrices (N, R)."""

    image: str
    caption: str
    phrases: list[str]
    slots: list[str | None]
    regions: list[str]
    coverage: Matrix
    maps: Matrix
    looks: Matrix
    predicts: Matrix


class AssociationsFile(ResultFile):
    """results/<dataset>/associations/<variant>/<seed>.json. slots: of a drawn set, each with its mean share of the person."""

    dataset: str
    variant: str
    seed: int
    persons: int
    pairs: int
    attributions: list[str]
    attribution: str
    trains_match: bool
    trains_decoder: bool
    grid: tuple[int, int]
    slots: dict[str, float]
    example: Example

    @property
    def setting(self) -> tuple[object, ...]:
        """What two files must have in common to be in one table."""
        return self.dataset, self.persons, self.pairs, tuple(self.attributions), self.attribution, tuple(self.slots.items())


Associated = Mapping[str, Sequence[AssociationsFile]]  # by variant, one file for each seed
Phrases = Mapping[str, Sequence[pd.DataFrame]]  # by variant, one table for each seed: a row for each phrase, the same in all


def read_associations(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> tuple[Associated, Phrases]:
    """The files of variants x seeds, and no others, with the phrases that all have, in one order.

    Errors: `CadaError` for a file that is missing, incomplete, or made with other settings than the first.
    """
    files = {
        variant: [
            read_result(folder / variant / f"{seed}.json", AssociationsFile, command=_command(dataset, variant, seed)) for seed in seeds
        ]
        for variant in variants
    }
    first = first_of(files)
    for file in (file for own in files.values() for file in own):
        if file.setting != first.setting:
            raise CadaError(
                f"{folder / file.variant / f'{file.seed}.json'}: made with other settings or other persons than "
                f"{first.variant}/{first.seed}.json. Make it with `{_command(dataset, file.variant, file.seed)}`."
            )
    names = [*PHRASE, "person", "slot", *columns(first.attributions)]
    tables = {
        variant: [
            read_table(folder / variant / f"{seed}.parquet", names, command=_command(dataset, variant, seed)).set_index([*PHRASE])
            for seed in seeds
        ]
        for variant in variants
    }
    every = [table for own in tables.values() for table in own]
    shared = every[0].index[np.logical_and.reduce([every[0].index.isin(table.index) for table in every])]
    return files, {variant: [table.loc[shared] for table in own] for variant, own in tables.items()}


def first_of(files: Associated) -> AssociationsFile:
    """A file that has the settings which all share."""
    return next(iter(files.values()))[0]


def _command(dataset: str, variant: str, seed: int) -> str:
    return f"cada associate {dataset} --variant {variant} --seed {seed}"
