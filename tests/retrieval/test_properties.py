"""What holds for any scores: metrics against plain loops, and re-ranking that touches the first K alone."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cada.retrieval.metrics import evaluate
from cada.retrieval.ranking import rank, rerank


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, list[int], list[int]]:
    """Scores (Q, G) with ties, and the persons of queries and gallery; every query has a relevant image."""
    gallery = draw(st.lists(st.integers(0, 4), min_size=1, max_size=12))
    queries = draw(st.lists(st.sampled_from(gallery), min_size=1, max_size=6))
    row = st.lists(st.integers(-3, 3).map(float), min_size=len(gallery), max_size=len(gallery))
    return np.array(draw(st.lists(row, min_size=len(queries), max_size=len(queries)))), queries, gallery


@given(searches())
def test_metrics_are_those_of_plain_loops(search: tuple[np.ndarray, list[int], list[int]]) -> None:
    scores, queries, gallery = search
    totals = dict.fromkeys(("R1", "R5", "R10", "mAP", "mINP"), 0.0)
    for row, person in zip(scores.tolist(), queries, strict=True):
        order = sorted(range(len(gallery)), key=lambda image, row=row: (-row[image], image))
        ranks = [place for place, image in enumerate(order, start=1) if gallery[image] == person]
        for k in (1, 5, 10):
            totals[f"R{k}"] += ranks[0] <= k
        totals["mAP"] += sum(hits / place for hits, place in enumerate(ranks, start=1)) / len(ranks)
        totals["mINP"] += len(ranks) / ranks[-1]
    assert evaluate(scores, queries, gallery) == pytest.approx({name: 100 * total / len(queries) for name, total in totals.items()})


@given(searches(), st.randoms(use_true_random=False))
def test_names_of_persons_and_the_order_of_queries_do_not_matter(search: tuple[np.ndarray, list[int], list[int]], random: Random) -> None:
    scores, queries, gallery = search
    order = list(range(len(queries)))
    random.shuffle(order)
    renamed = evaluate(scores[order], [f"p{queries[row]}" for row in order], [f"p{person}" for person in gallery])
    assert renamed == pytest.approx(evaluate(scores, queries, gallery))


@given(searches(), st.integers(1, 14), st.sampled_from(["published", "calibrated"]), st.data())
def test_re_ranking_permutes_the_first_k_alone(
    search: tuple[np.ndarray, list[int], list[int]], top_k: int, fusion: str, data: st.DataObject
) -> None:
    scores, _, gallery = search
    k = min(top_k, len(gallery))
    logits = np.array(data.draw(st.lists(st.floats(-5, 5, width=32), min_size=len(scores) * k, max_size=len(scores) * k)))
    before = rank(scores.astype(np.float32))
    after = rerank(scores, lambda candidates: logits.reshape(candidates.shape), top_k=top_k, fusion=fusion, weight=1.0)
    assert np.array_equal(after[:, k:], before[:, k:])
    assert np.array_equal(np.sort(after[:, :k], axis=1), np.sort(before[:, :k], axis=1))
