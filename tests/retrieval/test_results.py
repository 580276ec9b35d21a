from pathlib import Path

import numpy as np
import pytest

from cada.data.loading import Split
from cada.retrieval.metrics import METRICS, QueryScores, score_queries
from cada.retrieval.results import KEPT, rankings_table

PICTURES = 30


def split_of(persons: np.ndarray) -> Split:
    """Two captions for each picture."""
    names = tuple(f"{number}.png" for number in range(len(persons)))
    rows = np.repeat(np.arange(len(persons)), 2)
    return Split(tuple(map(Path, names)), names, persons, ("a caption",) * len(rows), rows, np.arange(len(rows)) % 2)


def test_a_row_says_how_each_score_served_the_query() -> None:
    split = split_of(np.arange(PICTURES) // 3)
    random = np.random.default_rng(0)
    rankings = {name: np.stack([random.permutation(PICTURES) for _ in split.captions]) for name in ("cosine", "calibrated")}
    table = rankings_table(rankings, split, headline="calibrated")
    assert table[["image", "caption", "person"]].iloc[5].tolist() == ["2.png", 1, 0]
    assert list(table["top"][7]) == [f"{number}.png" for number in rankings["calibrated"][7, :KEPT]]
    for prefix, name in (("", "calibrated"), ("cosine_", "cosine")):
        for query, person in enumerate(split.caption_persons):
            ranks = [rank for rank, picture in enumerate(rankings[name][query], start=1) if split.image_persons[picture] == person]
            precision = [place / rank for place, rank in enumerate(ranks, start=1)]
            found = table.loc[query, [f"{prefix}first_rank", f"{prefix}average_precision", f"{prefix}inverse_penalty"]].tolist()
            assert found == pytest.approx([ranks[0], sum(precision) / 3, 3 / ranks[-1]])


def test_the_metrics_are_the_means_of_the_rows() -> None:
    split = split_of(np.arange(PICTURES) // 3)
    ranking = np.stack([np.random.default_rng(query).permutation(PICTURES) for query in range(len(split.captions))])
    table = rankings_table({"cosine": ranking}, split, headline="cosine")
    columns = (table[name].to_numpy() for name in ("first_rank", "average_precision", "inverse_penalty"))
    expected = score_queries(ranking, split.caption_persons, split.image_persons).values()
    assert len(METRICS) == expected.shape[1]
    assert np.array_equal(QueryScores(*columns).values(), expected)
