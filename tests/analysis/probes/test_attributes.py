"""Per-attribute recall: a hand-made case, and drawn persons against plain loops."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cada import config
from cada.analysis.probes.attributes import Truth, attribute_recall, read_truth
from cada.synthpedes.attributes import SLOTS, families
from cada.synthpedes.captions import write_caption
from cada.synthpedes.generate import draw_set
from cada.synthpedes.randomness import Stream

RED, BLUE = {"upper": "shirt", "upper_colour": "red"}, {"upper": "shirt", "upper_colour": "blue", "hat": "cap"}


def rankings(*rows: tuple[str, int, int, str]) -> pd.DataFrame:
    """Rows of image, caption number, person and first-ranked image."""
    return pd.DataFrame([(*row[:3], [row[3], "never looked at"]) for row in rows], columns=["image", "caption", "person", "top"])


def test_a_hand_made_case() -> None:
    """a and b show person 1 in red, c person 2 in blue with a cap."""
    truth = {
        "a": Truth(1, RED, (RED, {"upper_colour": "red"})),
        "b": Truth(1, RED, ({},)),
        "c": Truth(2, BLUE, (BLUE, {"hat": "cap"})),
    }
    found = attribute_recall(
        rankings(("a", 0, 1, "b"), ("a", 1, 1, "c"), ("b", 0, 1, "c"), ("c", 0, 2, "a"), ("c", 1, 2, "a")), truth, bootstrap=500
    )
    assert list(found) == ["hat", "upper", "upper_colour"]
    assert found["upper"] == {
        "queries": 2,
        "recall": 100,
        "interval": [100, 100],
        "chance": 100,
        "skill": None,
        "errors": 1,
        "recall_in_errors": 100,
    }
    colour = found["upper_colour"]
    assert colour["queries"] == 3
    assert colour["recall"] == pytest.approx(100 / 3)
    assert colour["interval"] == [0, 50]  # person 1 twice: one of two; person 2 twice: none
    assert colour["chance"] == pytest.approx(100 * (2 / 3 + 2 / 3 + 1 / 3) / 3)
    assert colour["skill"] == pytest.approx(100 * (1 / 3 - 5 / 9) / (1 - 5 / 9))
    assert (colour["errors"], colour["recall_in_errors"]) == (2, 0)
    assert (found["hat"]["queries"], found["hat"]["recall"], found["hat"]["errors"]) == (2, 0, 2)


def test_without_errors_there_is_no_recall_in_them() -> None:
    found = attribute_recall(rankings(("a", 0, 1, "a")), {"a": Truth(1, RED, (RED,)), "c": Truth(2, BLUE, (BLUE,))}, bootstrap=10)
    assert found["upper_colour"] == {
        "queries": 1,
        "recall": 100,
        "interval": [100, 100],
        "chance": 50,
        "skill": 100,
        "errors": 0,
        "recall_in_errors": None,
    }


def test_drawn_persons_against_plain_loops() -> None:
    truth, rows = {}, []
    for number, person in enumerate(families(4, "test", 40)):
        for image in range(1 + number % 3):
            stated = [write_caption(person.attributes, "back", frozenset(), Stream(4, number, image, i)).facts for i in range(2)]
            truth[f"{number}_{image}"] = Truth(number, person.attributes.present(), tuple(stated))
    names, random = list(truth), Stream("first images")
    for name in names:
        rows += [(name, caption, truth[name].person, random.choice(names)) for caption in range(2)]
    found = attribute_recall(rankings(*rows), truth, bootstrap=10)
    assert set(found) == set(SLOTS)
    for slot, numbers in found.items():
        right, chances, errors = [], [], []
        for image, caption, person, first in rows:
            stated = truth[image].stated[caption]
            if slot not in stated:
                continue
            agrees = truth[first].attributes.get(slot) == stated[slot]
            right.append(agrees)
            chances.append(sum(other.attributes.get(slot) == stated[slot] for other in truth.values()) / len(truth))
            if truth[first].person != person:
                errors.append(agrees)
        assert numbers["queries"] == len(right)
        assert numbers["recall"] == pytest.approx(100 * sum(right) / len(right))
        assert numbers["chance"] == pytest.approx(100 * sum(chances) / len(right))
        assert numbers["errors"] == len(errors)
        assert numbers["recall_in_errors"] == pytest.approx(100 * sum(errors) / len(errors))


def test_the_truth_is_read_from_the_annotation(tmp_path: Path) -> None:
    data = config.Data.model_validate(
        {
            "format": "cuhk_pedes",
            "root": tmp_path / "set",
            "synthesis": {
                "seed": 1,
                "persons": {"pretrain": 1, "train": 3, "val": 3, "test": 4},
                "images_per_person": [2, 2],
                "size": [48, 24],
            },
        }
    )
    assert data.synthesis is not None
    draw_set(data.root, data.synthesis)
    truth = read_truth(data.root)
    assert len(truth) == 8
    persons = list(families(1, "test", 4))
    for name, image in truth.items():
        assert name.startswith("test/")
        assert image.attributes == persons[image.person - 7].attributes.present()
        assert len(image.stated) == 2
        assert all(image.attributes[slot] == value for facts in image.stated for slot, value in facts.items())
