"""The score that chooses the checkpoint: mAP on val, or the published sum on test."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cada.model.cada import Cada
from cada.model.tokenizer import TokenizedCaptions
from cada.retrieval.encoding import Engine
from cada.retrieval.ranking import rank
from cada.retrieval.search import Found, Search, Target
from cada.training.finetune import validation
from tests.training.tiny import PUBLISHED, ROBUST


def by_loops(ranking: np.ndarray, target: Target) -> dict[str, float]:
    """R@1, 5, 10 and mAP in percent."""
    hits, precisions = {1: 0, 5: 0, 10: 0}, []
    for order, person in zip(ranking, target.caption_persons, strict=True):
        ranks = [rank for rank, image in enumerate(order, start=1) if target.image_persons[image] == person]
        precisions.append(sum(found / rank for found, rank in enumerate(ranks, start=1)) / len(ranks))
        for k in hits:
            hits[k] += ranks[0] <= k
    return {f"R{k}": 100 * count / len(ranking) for k, count in hits.items()} | {"mAP": 100 * float(np.mean(precisions))}


@pytest.mark.parametrize("procedure", ["published", "robust"])
def test_the_rule_of_the_procedure(model: Cada, target: Target, engine: Engine, procedure: str) -> None:
    model.eval()
    switches = {"published": PUBLISHED, "robust": ROBUST}[procedure]
    found = validation(model, target, engine=engine, switches=switches, fusion_weights=(3.0,))
    expected = by_loops(Search.of(model, target, engine).found().ranking(switches.fusion, 3.0), target)
    score = expected["mAP"]
    if procedure == "published":
        score += (expected["R1"] + expected["R5"] + expected["R10"]) / 3
    assert found.score == pytest.approx(score)
    split = {"published": "test", "robust": "val"}[procedure]
    assert {name: found.values[f"{split}_{name}"] for name in expected} == pytest.approx(expected)


def test_the_weight_of_the_cosine_is_that_of_the_best_map() -> None:
    """As if whole rankings were scored: also where relevant images lie behind the first K."""
    draw = np.random.default_rng(0)
    weights = (0.0, 1.0, 3.0, 10.0)
    chosen = set()
    for _ in range(40):
        cosine = draw.normal(size=(9, 30)).astype(np.float32) / 4
        logits = draw.normal(size=(9, 8, 2)).astype(np.float32)
        gallery_persons = draw.permutation(np.arange(30) % 6) + 10
        query_persons = draw.permutation(np.arange(9) % 6) + 10
        retrieved = Found(rank(cosine), cosine, logits, query_persons, gallery_persons)
        target = Target(torch.empty(0), gallery_persons, TokenizedCaptions(*[np.empty(0)] * 4), query_persons)
        scores = [by_loops(retrieved.ranking("calibrated", weight), target)["mAP"] for weight in weights]
        chosen.add(found := retrieved.choose_weight(weights))
        assert found == weights[int(np.argmax(np.round(scores, 9)))]
    assert len(chosen) > 1
