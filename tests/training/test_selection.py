"""The score that chooses the checkpoint: mAP on val, or the published sum on test."""

from __future__ import annotations

import numpy as np
import pytest

from cada.config import PROCEDURES
from cada.model.cada import Cada
from cada.retrieval.evaluation import Engine, Target, encode, retrieve
from cada.training.finetune import validation


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
    switches = PROCEDURES[procedure]
    found = validation(model, target, engine=engine, switches=switches, fusion_weights=(3.0,))
    gallery, queries = encode(model, target, engine)
    retrieved = retrieve(model, gallery, queries, target.captions, engine)
    expected = by_loops(retrieved.ranking(switches.fusion, 3.0), target)
    score = expected["mAP"]
    if procedure == "published":
        score += (expected["R1"] + expected["R5"] + expected["R10"]) / 3
    assert found.score == pytest.approx(score)
    split = {"published": "test", "robust": "val"}[procedure]
    assert {name: found.values[f"{split}_{name}"] for name in expected} == pytest.approx(expected)
