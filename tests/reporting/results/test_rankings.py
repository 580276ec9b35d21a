from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import ArrowInvalid

from cada.reporting.results.rankings import on_common_queries, query_values, read_rankings
from tests.messages import refused

Write = Callable[..., Path]


def test_values_of_each_score_in_the_order_of_the_metrics(write_rankings: Write, tmp_path: Path) -> None:
    write_rankings("dual", 4, [1, 4, 10, 20], cosine=[2, 1, 5, 40])
    (table,) = read_rankings("toy", ["dual"], [4], tmp_path / "rankings")["dual"]
    expected = np.array([[100, 100, 100, 100, 50], [0, 100, 100, 25, 12.5], [0, 0, 100, 10, 5], [0, 0, 0, 5, 2.5]])
    assert query_values(table, "headline") == pytest.approx(expected)
    assert query_values(table, "cosine")[:, 0].tolist() == [0, 100, 0, 0]


def test_common_queries_keep_the_first_order(write_rankings: Write, tmp_path: Path) -> None:
    write_rankings("dual", 0, [1, 2, 3, 4])
    (table,) = read_rankings("toy", ["dual"], [0], tmp_path / "rankings")["dual"]
    ours, theirs = on_common_queries([table, table.iloc[::-1]], [table.iloc[[3, 2, 0]], table])
    for shared in (*ours, *theirs):
        assert shared["first_rank"].tolist() == [1, 3, 4]


def test_files_that_are_missing_broken_or_old_say_how_to_make_them(write_rankings: Write, tmp_path: Path) -> None:
    path, again = tmp_path / "rankings/dual/0.parquet", "`cada evaluate toy --variant dual --seed 0`"
    with refused(path, again, cause=FileNotFoundError):
        read_rankings("toy", ["dual"], [0], tmp_path / "rankings")
    assert write_rankings("dual", 0, [1, 2]) == path
    pd.read_parquet(path).drop(columns=["inverse_penalty", "top"]).to_parquet(path)
    with refused(path, "inverse_penalty, top", again):
        read_rankings("toy", ["dual"], [0], tmp_path / "rankings")
    path.write_bytes(b"PAR1 and no more")
    with refused(path, again, cause=ArrowInvalid):
        read_rankings("toy", ["dual"], [0], tmp_path / "rankings")
