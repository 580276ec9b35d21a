import math
from pathlib import Path

import numpy as np
import pytest

from cada.datasets.loading import Split
from cada.retrieval.metrics import METRICS, QueryScores, score_queries, summarise
from cada.retrieval.ranking import rank
from cada.retrieval.results import KEPT, rankings_table, scores_at_k
from cada.retrieval.search import Found

IMAGES = 30


def split_of(persons: np.ndarray) -> Split:
    """Two captions for each image."""
    names = tuple(f"{number}.png" for number in range(len(persons)))
    rows = np.repeat(np.arange(len(persons)), 2)
    return Split(tuple(map(Path, names)), names, persons, ("a caption",) * len(rows), rows, np.arange(len(rows)) % 2)


def test_a_row_says_how_each_score_served_the_query() -> None:
    split = split_of(np.arange(IMAGES) // 3)
    random = np.random.default_rng(0)
    rankings = {name: np.stack([random.permutation(IMAGES) for _ in split.captions]) for name in ("cosine", "calibrated")}
    table = rankings_table(rankings, split, headline="calibrated")
    assert table[["image", "caption", "person"]].iloc[5].tolist() == ["2.png", 1, 0]
    assert list(table["top"][7]) == [f"{number}.png" for number in rankings["calibrated"][7, :KEPT]]
    for prefix, name in (("", "calibrated"), ("cosine_", "cosine")):
        for query, person in enumerate(split.caption_persons):
            ranks = [rank for rank, image in enumerate(rankings[name][query], start=1) if split.image_persons[image] == person]
            precision = [place / rank for place, rank in enumerate(ranks, start=1)]
            found = table.loc[query, [f"{prefix}first_rank", f"{prefix}average_precision", f"{prefix}inverse_penalty"]].tolist()
            assert found == pytest.approx([ranks[0], sum(precision) / 3, 3 / ranks[-1]])


def test_the_metrics_are_the_means_of_the_rows() -> None:
    split = split_of(np.arange(IMAGES) // 3)
    ranking = np.stack([np.random.default_rng(query).permutation(IMAGES) for query in range(len(split.captions))])
    table = rankings_table({"cosine": ranking}, split, headline="cosine")
    columns = (table[name].to_numpy() for name in ("first_rank", "average_precision", "inverse_penalty"))
    expected = score_queries(ranking, split.caption_persons, split.image_persons).values()
    assert len(METRICS) == expected.shape[1]
    assert np.array_equal(QueryScores(*columns).values(), expected)


QUERIES, MATCHED = 11, 6


def searched() -> Found:
    """Random cosines of 11 queries and 17 images of 5 persons, and random match logits of the first 6."""
    random = np.random.default_rng(0)
    cosine = random.normal(size=(QUERIES, 17)).astype(np.float32)
    logits = random.normal(size=(QUERIES, MATCHED, 2)).astype(np.float32) * 3
    return Found(rank(cosine), cosine, logits, query_persons=np.arange(QUERIES) % 5, gallery_persons=np.arange(17) % 5)


def test_fewer_re_ranked_images_by_plain_loops() -> None:
    retrieved = searched()
    scores = scores_at_k(retrieved, fusion="calibrated", weight=0.7)
    assert list(scores) == ["1", "2", "4", "6"]
    for k, found in scores.items():
        expected = []
        for query, person in enumerate(retrieved.query_persons):
            order = sorted(range(17), key=lambda image: -retrieved.cosine[query, image])
            score = {}
            for place, image in enumerate(order[: int(k)]):
                no, yes = map(float, retrieved.logits[query, place])
                score[image] = yes - math.log(math.exp(no) + math.exp(yes)) + 0.7 * float(retrieved.cosine[query, image])
            order[: int(k)] = sorted(score, key=lambda image: -score[image])
            ranks = [place for place, image in enumerate(order, start=1) if retrieved.gallery_persons[image] == person]
            precision = [number / place for number, place in enumerate(ranks, start=1)]
            row = [ranks[0] <= 1, ranks[0] <= 5, ranks[0] <= 10, sum(precision) / len(ranks), len(ranks) / ranks[-1]]
            expected.append([100 * float(value) for value in row])
        assert list(found.values()) == pytest.approx(np.mean(expected, axis=0).tolist())
    assert len({found["mAP"] for found in scores.values()}) == 4


@pytest.mark.parametrize("fusion", ["calibrated", "published"])
def test_all_candidates_are_the_headline_and_one_is_the_cosine(fusion: str) -> None:
    retrieved = searched()
    scores = scores_at_k(retrieved, fusion=fusion, weight=0.7)
    for k, ranking in (("6", retrieved.ranking(fusion, 0.7)), ("1", retrieved.first_stage)):
        assert scores[k] == summarise(score_queries(ranking, retrieved.query_persons, retrieved.gallery_persons).values())
