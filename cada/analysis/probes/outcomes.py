"""The outcome of every query under each change: a table to keep, and its summary.

Legend: Q queries, C changed captions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cada.datasets.loading import Split
from cada.retrieval.metrics import METRICS, summarise

UNCHANGED = "unchanged"
PairScores = Mapping[str, np.ndarray]  # of pairs of a caption and an image, by the score: cosine and, where there is one, match


@dataclass(frozen=True)
class Outcome:
    """One change: each query's share in METRICS (Q, 5), in percent, and for changes of captions whether its own was changed (Q).

    `pairs`: the scores (C, 2) of every changed caption's own image, with the true caption and with the changed one.
    """

    values: np.ndarray
    changed: np.ndarray | None
    pairs: PairScores = field(default_factory=dict)


def summary(outcome: Outcome, unchanged: np.ndarray) -> dict[str, Any]:
    """Metrics over all queries; where captions may have changed also how many did, and before and after over these."""
    rows = outcome.changed
    result: dict[str, Any] = {"scores": summarise(outcome.values)}
    if rows is None:
        return result
    result["changed"] = int(rows.sum())
    if rows.any():
        result |= {"before": summarise(unchanged[rows]), "after": summarise(outcome.values[rows])}
    return result


def outcomes_table(unchanged: np.ndarray, outcomes: dict[str, Outcome], split: Split) -> pd.DataFrame:
    """One row per kind of change and query of `split`; the kind `unchanged` is what they are compared with."""
    queries = {
        "image": np.array(split.image_names, dtype=object)[split.caption_image],
        "caption": split.caption_number.astype(np.int32),
        "person": split.caption_persons.astype(np.int64),
    }
    none = np.zeros(len(unchanged), dtype=bool)
    return pd.concat(
        [
            pd.DataFrame(
                {"kind": kind, **queries, "changed": none if outcome.changed is None else outcome.changed}
                | dict(zip(METRICS, outcome.values.T, strict=True))
            )
            for kind, outcome in ({UNCHANGED: Outcome(unchanged, None)} | outcomes).items()
        ],
        ignore_index=True,
    )
