from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cada.reporting.results.histories import all_chosen_on_test, chosen_on_test, read_histories
from tests.messages import refused
from tests.reporting.conftest import METRICS

Write = Callable[..., Path]


def history(**columns: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame({"step": range(4), **columns})


def scores(split: str, **values: list[float | None]) -> dict[str, list[float | None]]:
    return {f"{split}_{name}": values.get(name, [None, 10, 10, 10]) for name in METRICS}


def test_test_chooses_by_the_published_score_and_val_by_its_map() -> None:
    """(R1 + R5 + R10) / 3 + mAP by hand: 30, 30.5, 30.5; the first of equal ones is kept, as a training keeps it."""
    test = scores("test", R1=[None, 31, 32.5, 40], mAP=[None, 13, 13, 10.5])
    found = chosen_on_test(history(**test, val_mAP=[None, 5, 4, 5], test_queries=[None, 7, 7, 7]))
    assert found is not None
    assert (found.best.R1, found.best.mAP) == (32.5, 13)
    assert (found.kept.R1, found.queries, found.same) == (31, 7, False)


def test_without_val_what_test_chose_is_what_was_kept() -> None:
    found = chosen_on_test(history(**scores("test", R1=[None, 3, 2, 1])))
    assert found is not None and found.queries is None
    assert found.best == found.kept and found.best.R1 == 3 and found.same


def test_a_variant_counts_when_all_its_trainings_watched_test() -> None:
    watched, other = history(**scores("test"), val_mAP=[None, 1, 2, 3]), history(val_mAP=[None, 1, 2, 3])
    assert list(all_chosen_on_test({"a": [watched, watched], "b": [watched, other], "c": [other]})) == ["a"]


@pytest.mark.parametrize("content", ["", "step,loss\n", "loss\n1.0\n", "\0\0\0"])
def test_a_damaged_history_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "dual").mkdir()
    (tmp_path / "dual" / "0.csv").write_text(content)
    with refused(tmp_path / "dual" / "0.csv", "`cada train smoke --variant dual --seed 0`"):
        read_histories("smoke", ["dual"], [0], tmp_path)


def test_a_missing_history_is_named(tmp_path: Path) -> None:
    with refused(tmp_path / "history/ara/0.csv", "`cada train toy --variant ara --seed 0`", cause=FileNotFoundError):
        read_histories("toy", ["ara"], [0], tmp_path / "history")
