"""The oracles on a hand-made case, and against plain loops."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from cada.synthpedes.attributes import families
from cada.synthpedes.captions import write_caption
from cada.synthpedes.oracles import oracle_scores
from cada.synthpedes.randomness import Stream

RED_OVER_BLUE = {"upper": "shirt", "upper_colour": "red", "lower": "pants", "lower_colour": "blue"}
BLUE_OVER_RED = {"upper": "shirt", "upper_colour": "blue", "lower": "pants", "lower_colour": "red"}


def record(person: int, attributes: dict[str, str], *facts: dict[str, str]) -> dict[str, Any]:
    return {"id": person, "attributes": attributes, "facts": list(facts)}


def test_two_persons_with_swapped_colours() -> None:
    """Binding tells them apart; a bag of words does not: 3 of 4 images are of person 1, 1 of 4 of person 2."""
    records = [
        record(1, RED_OVER_BLUE, RED_OVER_BLUE),
        record(1, RED_OVER_BLUE, {"upper": "shirt"}),
        record(1, RED_OVER_BLUE),
        record(2, BLUE_OVER_RED, {"upper_colour": "blue"}),
    ]
    scores = oracle_scores(records, 1)
    assert scores["all"] == {
        "chance": pytest.approx(100 * (3 / 4 + 3 / 4 + 1 / 4) / 3, abs=0.01),
        "bag_of_words": pytest.approx(100 * (3 / 4 + 3 / 4 + 1 / 4) / 3, abs=0.01),
        "binding": pytest.approx(100 * (1 + 3 / 4 + 1) / 3, abs=0.01),
    }
    assert scores["parts"] == scores["all"]


def test_a_bag_counts_its_words() -> None:
    """ "red ... red" fits a person with two red things better than one with one."""
    twice = {"upper_colour": "red", "lower_colour": "red"}
    records = [record(1, twice, twice), record(2, {"upper_colour": "red", "lower_colour": "green"})]
    assert oracle_scores(records, 1)["all"]["bag_of_words"] == 100


def test_parts_are_averaged_galleries() -> None:
    """Four persons alike: chance is 1/4 in the whole, 1/2 in each half."""
    records = [record(person, RED_OVER_BLUE, RED_OVER_BLUE) for person in (1, 2, 3, 4)]
    scores = oracle_scores(records, 2)
    assert set(scores["all"].values()) == {25.0}
    assert set(scores["parts"].values()) == {50.0}


def drawn(count: int) -> list[dict[str, Any]]:
    records = []
    for number, person in enumerate(families(9, "test", count)):
        for image in range(2 + number % 2):
            captions = [write_caption(person.attributes, "front", frozenset(), Stream(9, number, image, i)) for i in range(2)]
            records.append(record(number, person.attributes.present(), *(caption.facts for caption in captions)))
    return records


def by_loops(records: list[dict[str, Any]], *, bind: bool) -> float:
    people = {item["id"]: item["attributes"] for item in records}
    images = Counter(item["id"] for item in records)
    hits = []
    for item in records:
        for facts in item["facts"]:
            scores = {}
            for person, attributes in people.items():
                if bind:
                    scores[person] = sum(attributes.get(slot) == value for slot, value in facts.items())
                else:
                    scores[person] = (Counter(facts.values()) & Counter(attributes.values())).total()
            best = [person for person, score in scores.items() if score == max(scores.values())]
            hits.append(images[item["id"]] / sum(images[person] for person in best) if item["id"] in best else 0)
    return 100 * sum(hits) / len(hits)


def test_against_plain_loops() -> None:
    records = drawn(60)
    scores = oracle_scores(records, 1)["all"]
    assert scores["binding"] == pytest.approx(by_loops(records, bind=True), abs=0.01)
    assert scores["bag_of_words"] == pytest.approx(by_loops(records, bind=False), abs=0.01)


def test_hard_for_the_right_reason() -> None:
    """On galleries of 150 persons: captions that leave things out cap the task at about 88, and binding is worth some 35 points."""
    scores = oracle_scores(drawn(300), 2)["parts"]
    assert 84 < scores["binding"] < 92
    assert 46 < scores["bag_of_words"] < 58
    assert scores["chance"] < 0.8
