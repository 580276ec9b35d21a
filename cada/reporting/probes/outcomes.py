"""What became of every query under each change, model by model, and what follows from it for a variant and for two.

Legend: Q queries, S seeds, M metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cada.reporting.bootstrap import Difference, paired_bootstrap
from cada.reporting.rankings import QUERY, on_common_queries
from cada.retrieval.metrics import METRICS
from cada.storage.parquet import read_table

UNCHANGED = "unchanged"
COLUMNS = ["kind", *QUERY, "person", "changed", *METRICS, "cosine_wins", "match_wins"]
Models = Sequence[Mapping[str, pd.DataFrame]]  # one a seed: by kind, one row a query, indexed by QUERY
Outcomes = Mapping[str, Models]  # by variant


def read_outcomes(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> Outcomes:
    """The outcomes of variants x seeds, and no others. Errors: `CadaError` for a file that is missing or lacks a column."""
    return {variant: [_read(folder, dataset, variant, seed) for seed in seeds] for variant in variants}


def changes(models: Models, kind: str, *, changed_alone: bool = False) -> dict[str, Difference] | None:
    """How each metric of a variant's models changes under `kind`, over all queries or over the changed ones alone.

    None where these are of fewer than two persons.
    """
    tables = [_change(model, kind) for model in models]
    return _interval([table[table["changed"]] for table in tables] if changed_alone else tables)


def change_differences(ours: Models, theirs: Models, kind: str) -> dict[str, Difference] | None:
    """How much more each metric of `ours` changes under `kind` than that of `theirs`, on the queries that both were asked."""
    return _differences(*([_change(model, kind) for model in models] for models in (ours, theirs)))


def differences(ours: Models, theirs: Models, kind: str) -> dict[str, Difference] | None:
    """How much more `ours` has of each metric under `kind`, or UNCHANGED, than `theirs`, on the queries that both were asked."""
    return _differences(*([model[kind] for model in models] for models in (ours, theirs)))


def wins(models: Models, kind: str, score: str) -> Difference | None:
    """How much more often than by chance, in points, the true caption scores higher than the one changed by `kind`.

    None where no captions of two persons were compared by this score.
    """
    name = f"{score}_wins"
    found = _interval([model[kind].dropna(subset=name).assign(**{name: lambda table: table[name] - 50}) for model in models], [name])
    return found[name] if found else None


def match_gain(models: Models, kind: str) -> Difference | None:
    """How much more often, in points, the match head prefers the true caption to the one changed by `kind` than the cosine does.

    None where no captions of two persons were compared by both.
    """
    tables = [model[kind].dropna(subset=["cosine_wins", "match_wins"]) for model in models]
    found = _interval([table.assign(gain=table["match_wins"] - table["cosine_wins"]) for table in tables], ["gain"])
    return found["gain"] if found else None


def _differences(ours: Sequence[pd.DataFrame], theirs: Sequence[pd.DataFrame]) -> dict[str, Difference] | None:
    names = list(METRICS)
    pairs = zip(*on_common_queries(ours, theirs), strict=True)
    return _interval([one.assign(**(one[names] - other[names])) for one, other in pairs])


def _change(model: Mapping[str, pd.DataFrame], kind: str) -> pd.DataFrame:
    """The rows of `kind` with each query's change in METRICS, in points; all kinds have the same queries in the same order."""
    names = list(METRICS)
    return model[kind].assign(**(model[kind][names] - model[UNCHANGED][names].to_numpy()))


def _interval(tables: Sequence[pd.DataFrame], names: Sequence[str] = METRICS) -> dict[str, Difference] | None:
    """The mean of each column and its interval, from one table a seed."""
    persons = tables[0]["person"].to_numpy()
    if len(np.unique(persons)) < 2:
        return None
    values = np.stack([table[list(names)].to_numpy() for table in tables], axis=1)  # (Q, S, M)
    return dict(zip(names, paired_bootstrap(values, persons), strict=True))


def _read(folder: Path, dataset: str, variant: str, seed: int) -> dict[str, pd.DataFrame]:
    command = f"cada probe {dataset} --variant {variant} --seed {seed}"
    table = read_table(folder / variant / f"{seed}.parquet", COLUMNS, command=command)
    return {str(kind): rows.set_index(QUERY) for kind, rows in table.groupby("kind", sort=False)}
