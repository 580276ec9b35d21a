"""What the changes of a probe do to each query: differences with intervals, for one variant and between two.

Each is None with queries of fewer than two persons. Legend: Q queries, S seeds, M metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cada.reporting.results.probes import UNCHANGED, ProbedModels
from cada.reporting.results.rankings import on_common_queries
from cada.reporting.statistics import Difference, paired_bootstrap
from cada.retrieval.metrics import METRICS

ByMetric = Mapping[str, Difference] | None


def changes(models: ProbedModels, kind: str, *, changed_alone: bool = False) -> ByMetric:
    """How each metric of a variant's models changes under `kind`, over all queries or over the changed ones alone."""
    tables = [_change(model, kind) for model in models]
    return differences([table[table["changed"]] for table in tables] if changed_alone else tables, METRICS)


def changes_between(ours: ProbedModels, theirs: ProbedModels, kind: str) -> ByMetric:
    """How much more each metric of `ours` changes under `kind` than that of `theirs`, on the queries of both."""
    return _between(*([_change(model, kind) for model in models] for models in (ours, theirs)))


def scores_between(ours: ProbedModels, theirs: ProbedModels, kind: str) -> ByMetric:
    """How much more `ours` has of each metric under `kind`, or UNCHANGED, than `theirs`, on the queries of both."""
    return _between(*([model[kind] for model in models] for models in (ours, theirs)))


def _change(model: Mapping[str, pd.DataFrame], kind: str) -> pd.DataFrame:
    """The rows of `kind` with each query's change in METRICS, in points; all kinds have the same queries in the same order."""
    names = list(METRICS)
    return model[kind].assign(**(model[kind][names] - model[UNCHANGED][names].to_numpy()))


def _between(ours: Sequence[pd.DataFrame], theirs: Sequence[pd.DataFrame]) -> ByMetric:
    names = list(METRICS)
    pairs = zip(*on_common_queries(ours, theirs), strict=True)
    return differences([one.assign(**(one[names] - other[names])) for one, other in pairs], METRICS)


def differences(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> Mapping[str, Difference] | None:
    """The mean of each column and its interval, from a table for each seed with the same rows; None with rows of fewer than two persons."""
    persons = tables[0]["person"].to_numpy()
    if len(np.unique(persons)) < 2:
        return None
    values = np.stack([table[list(names)].to_numpy() for table in tables], axis=1)  # (Q, S, M)
    return dict(zip(names, paired_bootstrap(values, persons), strict=True))
