"""The probe files of a run: scores with captions or images changed, in percent, and the outcome of every query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from cada.errors import CadaError
from cada.reporting.results.metrics import Scores
from cada.reporting.results.rankings import QUERY
from cada.retrieval.metrics import METRICS
from cada.storage.results import ResultFile, read_result
from cada.storage.tables import read_table

UNCHANGED = "unchanged"  # the kind of the queries with nothing changed
OUTCOME_COLUMNS = ["kind", *QUERY, "person", "changed", *METRICS, "cosine_wins", "match_wins"]


class ChangeResult(ResultFile):
    """One kind of change: metrics over all queries; of captions also over the changed ones alone, before and after."""

    strength: float | None
    scores: Scores
    changed: int | None = None
    before: Scores | None = None
    after: Scores | None = None
    true_wins: dict[str, float] | None = None


class AttributeRecall(ResultFile):
    """One attribute slot; see `cada.analysis.probes.attributes`."""

    queries: int
    recall: float
    interval: tuple[float, float]
    chance: float
    skill: float | None
    errors: int
    recall_in_errors: float | None


class ProbesFile(ResultFile):
    """results/<dataset>/probes/<variant>/<seed>.json."""

    dataset: str
    variant: str
    seed: int
    queries: int
    query_persons: int
    test_persons: int
    consecutive: int
    gallery: int
    headline: str
    synonyms: str
    unchanged: Scores
    captions: dict[str, ChangeResult]
    images: dict[str, ChangeResult]
    attributes: dict[str, AttributeRecall] = Field(default_factory=dict)  # of a drawn set

    @property
    def changes(self) -> dict[str, ChangeResult]:
        """All kinds of change, those of captions first."""
        return self.captions | self.images

    @property
    def setting(self) -> tuple[object, ...]:
        """What two files must have in common to be in one table."""
        strengths = {kind: found.strength for kind, found in self.changes.items()}
        return self.dataset, self.gallery, self.query_persons, self.consecutive, strengths, tuple(self.attributes)


ProbedVariants = Mapping[str, Sequence[ProbesFile]]  # by variant, one file for each seed
ProbedModels = Sequence[Mapping[str, pd.DataFrame]]  # one for each seed: by kind, a row for each query, indexed by QUERY
Outcomes = Mapping[str, ProbedModels]  # by variant


def read_probes(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> ProbedVariants:
    """The probe files of variants x seeds, and no others.

    Errors: `CadaError` for a file that is missing or incomplete, and for kinds, strengths or galleries that differ.
    """
    read = {
        variant: [read_result(folder / variant / f"{seed}.json", ProbesFile, command=_command(dataset, variant, seed)) for seed in seeds]
        for variant in variants
    }
    first = read[variants[0]][0]
    for file in (file for files in read.values() for file in files):
        if file.setting != first.setting:
            raise CadaError(
                f"{folder / file.variant / f'{file.seed}.json'}: probed with other strengths or on another gallery than "
                f"{first.variant}/{first.seed}.json. Make it with `{_command(dataset, file.variant, file.seed)}`."
            )
    return read


def read_outcomes(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> Outcomes:
    """The outcomes of variants x seeds, and no others. Errors: `CadaError` for a file that is missing or lacks a column."""

    def read(variant: str, seed: int) -> dict[str, pd.DataFrame]:
        table = read_table(folder / variant / f"{seed}.parquet", OUTCOME_COLUMNS, command=_command(dataset, variant, seed))
        return {str(kind): rows.set_index(QUERY) for kind, rows in table.groupby("kind", sort=False)}

    return {variant: [read(variant, seed) for seed in seeds] for variant in variants}


def first_file(probed: ProbedVariants) -> ProbesFile:
    """A file that has the settings which all share."""
    return next(iter(probed.values()))[0]


def _command(dataset: str, variant: str, seed: int) -> str:
    return f"cada probe {dataset} --variant {variant} --seed {seed}"
