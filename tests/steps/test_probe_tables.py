"""The figure of wrong choices: its images are drawn again from the seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cada.config import Persons, Synthesis
from cada.steps.probe_tables import figure_caption, wrong_choices
from cada.synthpedes.generate import tasks
from cada.synthpedes.lookalikes import look_alikes
from tests.messages import carries

SET = Synthesis(seed=11, persons=Persons(train=1, val=1, test=12), images_per_person=(1, 1), size=(96, 48))


def choices() -> pd.DataFrame:
    """A wrong choice of another type, and of the others all right."""
    rows, wrong = [], None
    for task in tasks(SET, "test"):
        number, (_, *others) = look_alikes(task, SET, seed=3)
        for one in others:
            assert one.change
            named = {"chosen": "image", "kind": one.change.kind, "slots": " ".join(one.change.slots), "image": task.path, "caption": number}
            right = wrong is not None or one.change.kind != "type"
            wrong = wrong if right else named
            scores = {"cosine_right": 0.5, "cosine_wrong": 0.25 if right else 0.75, "cosine": 100.0 * right}
            rows.append(named | scores | {"person": task.identity, "match_right": np.nan, "match_wrong": np.nan, "match": np.nan})
    return pd.DataFrame(rows)


def test_a_wrong_choice_is_shown_as_it_was_made() -> None:
    table = choices()
    (shown,) = wrong_choices(table, "cosine", SET, seed=3)
    (row,) = table[table["cosine"] == 0].to_dict("records")
    task = next(task for task in tasks(SET, "test") if task.path == row["image"])
    _, (own, *others) = look_alikes(task, SET, seed=3)
    other = next(one for one in others if one.change and one.change.kind == "type")
    assert shown.sentence == own.caption and dict(shown.scores) == {"cosine": (0.5, 0.75)}
    assert np.array_equal(shown.right, np.asarray(own.image)) and np.array_equal(shown.wrong, np.asarray(other.image))
    assert carries(shown.difference, "another type", row["slots"].replace("_colour", ""))


def test_the_caption_says_how_often_the_model_chooses_so() -> None:
    table = choices()
    count = (table["kind"] == "type").sum()
    caption = figure_caption(table, "cosine", "global, seed 0")
    assert carries(caption, "global, seed 0", "cosine", f"{100 / count:.1f} % (another type)", "0.0 % (another colour)")
    assert carries(figure_caption(table.assign(chosen="caption"), "cosine", "global, seed 0"), "drawn sets alone")
