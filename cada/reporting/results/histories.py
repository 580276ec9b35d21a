"""The history files of a run: the objectives at each logged step, and the scores on val and test at the end of each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cada.reporting.results.metrics import Scores
from cada.retrieval.metrics import METRICS, published_score
from cada.storage.tables import read_csv

Histories = Mapping[str, Sequence[pd.DataFrame]]  # by variant, one table for each seed


@dataclass(frozen=True)
class ChosenOnTest:
    """Test scores, in percent, of the checkpoint with the best published score on test, and of the one that was kept.

    Both have the same queries, `queries` of them or all (None), and both have the fusion weight that is best on test.
    `same`: both are one checkpoint.
    """

    best: Scores
    kept: Scores
    queries: int | None
    same: bool


def read_histories(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> Histories:
    """The histories of variants x seeds. Errors: `CadaError` for a missing or damaged file."""

    def read(variant: str, seed: int) -> pd.DataFrame:
        path = folder / variant / f"{seed}.csv"
        again = f"Make it with `cada train {dataset} --variant {variant} --seed {seed}`."
        return read_csv(path, ("step",), again=again)

    return {variant: [read(variant, seed) for seed in seeds] for variant in variants}


def chosen_by(history: pd.DataFrame) -> str:
    """The split that chose the checkpoint: val, or test where there is no val."""
    return "val" if "val_mAP" in history else "test"


def all_chosen_on_test(histories: Histories) -> dict[str, list[ChosenOnTest]]:
    """What test would have chosen, one for each seed, for the variants all of whose trainings scored test."""
    found = {variant: [chosen_on_test(table) for table in tables] for variant, tables in histories.items()}
    return {variant: [one for one in seeds if one] for variant, seeds in found.items() if all(seeds)}


def chosen_on_test(history: pd.DataFrame) -> ChosenOnTest | None:
    """What test would have chosen; None where it was not scored during the training. Of equal checkpoints the first, as in training."""
    if "test_mAP" not in history:
        return None
    epochs = history.dropna(subset="test_mAP")
    scores = [Scores(**{name: row[f"test_{name}"] for name in METRICS}) for _, row in epochs.iterrows()]
    published = [published_score(found.model_dump()) for found in scores]
    kept = published if chosen_by(history) == "test" else epochs["val_mAP"].tolist()
    queries = int(epochs["test_queries"].iloc[0]) if "test_queries" in epochs else None
    best, last = (values.index(max(values)) for values in (published, kept))
    return ChosenOnTest(scores[best], scores[last], queries, same=best == last)
