"""How hard the drawn set is: two oracles that know every attribute, and chance. No training, no images.

*Binding* knows which value belongs to which slot: a person fits a caption when every stated slot agrees. *Bag of words* knows only how
often each value occurs. What fits equally well is put in random order, and the expected R@1 is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from cada.datasets.records import gallery_parts

Facts = dict[str, str]


def binding(stated: Sequence[Facts], persons: Sequence[Facts]) -> np.ndarray:
    """(captions, persons): how many of the stated slots hold the stated value."""
    agreement = np.zeros((len(stated), len(persons)), dtype=np.int32)
    for slot in sorted({slot for facts in persons for slot in facts}):
        codes = {value: code for code, value in enumerate(sorted({facts[slot] for facts in persons if slot in facts}))}
        claimed = np.array([codes.get(facts.get(slot, ""), -1) for facts in stated])
        held = np.array([codes.get(facts.get(slot, ""), -2) for facts in persons])
        agreement += claimed[:, None] == held[None, :]
    return agreement


def bag_of_words(stated: Sequence[Facts], persons: Sequence[Facts]) -> np.ndarray:
    """(captions, persons): how many of the stated values the person has, counted as often as they occur on both sides."""
    agreement = np.zeros((len(stated), len(persons)), dtype=np.int32)
    for value in sorted({value for facts in persons for value in facts.values()}):
        claimed = np.array([list(facts.values()).count(value) for facts in stated])
        held = np.array([list(facts.values()).count(value) for facts in persons])
        agreement += np.minimum(claimed[:, None], held[None, :])
    return agreement


def expected_recall(agreement: np.ndarray, truth: np.ndarray, images: np.ndarray) -> float:
    """R@1 in per cent when the images of the best-fitting persons come first in random order.

    `agreement` is (queries, persons), `truth` (queries,) the right person's column, `images` (persons,) how many images each has.
    """
    best = agreement == agreement.max(axis=1, keepdims=True)
    chosen = best[np.arange(len(truth)), truth] * images[truth]
    return float(100 * (chosen / (best * images).sum(axis=1)).mean())


def oracle_scores(records: Sequence[dict[str, Any]], parts: int) -> dict[str, dict[str, float]]:
    """R@1 in per cent over all `records` as one gallery, and its mean over `parts` fixed galleries.

    `records` are annotation records with "id", "facts" (one per caption) and "attributes". Every caption is a query.
    """
    persons = [record["id"] for record in records]
    galleries = [_scores([record for record in records if record["id"] in part]) for part in gallery_parts(persons, parts)]
    mean = {name: round(sum(scores[name] for scores in galleries) / len(galleries), 2) for name in galleries[0]}
    return {"all": {name: round(value, 2) for name, value in _scores(records).items()}, "parts": mean}


def _scores(records: Sequence[dict[str, Any]]) -> dict[str, float]:
    images = Counter(record["id"] for record in records)
    columns = {person: column for column, person in enumerate(images)}
    attributes = {record["id"]: record["attributes"] for record in records}
    persons, counts = [attributes[person] for person in images], np.array(list(images.values()))
    stated = [facts for record in records for facts in record["facts"]]
    truth = np.array([columns[record["id"]] for record in records for _ in record["facts"]])
    return {
        "chance": float(100 * counts[truth].mean() / len(records)),
        "bag_of_words": expected_recall(bag_of_words(stated, persons), truth, counts),
        "binding": expected_recall(binding(stated, persons), truth, counts),
    }
