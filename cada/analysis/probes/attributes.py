"""Per-attribute recall on a drawn set, where every person's attributes are known: what a model misses.

A query counts for an attribute slot if its caption states the slot's value. It is recalled if the person in the first-ranked image has
that value. A slot of two values is met by chance more often than one of eleven. So `chance` is the recall of a random image of the
gallery, and `skill` = (recall - chance) / (100 - chance), in percent, is what the model adds (0: it does not see the slot, 100: it never
misses it). `recall_in_errors` leaves out the queries whose first image shows the right person, who has every stated value: it says
whether a wrong image at least has this slot right. The person counts, not the image: a backpack counts as there even if the image shows
the person's front.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cada.datasets.formats import read_annotation
from cada.retrieval.metrics import bootstrap_ends
from cada.synthpedes.attributes import SLOTS
from cada.synthpedes.generate import ANNOTATION

Facts = Mapping[str, str]  # slot to value


@dataclass(frozen=True)
class Truth:
    """An image of a drawn set: whose it is, the person's attributes, and what each of its captions states."""

    person: int
    attributes: Facts
    stated: tuple[Facts, ...]


def read_truth(root: Path) -> dict[str, Truth]:
    """The truth of each image of a drawn set's test split, by its name."""
    return {
        record["file_path"]: Truth(record["id"], record["attributes"], tuple(record["facts"]))
        for record in read_annotation(root / ANNOTATION)
        if record["split"] == "test"
    }


def attribute_recall(rankings: pd.DataFrame, truth: Mapping[str, Truth], *, bootstrap: int) -> dict[str, dict[str, Any]]:
    """The numbers of each slot that some caption states, in percent of `queries` or of `errors`.

    rankings: as `rankings_table` gives them. `interval`: 95 % of the recall, with persons drawn `bootstrap` times. `skill` is
    None where chance is 100, `recall_in_errors` where there are no errors.
    """
    shown = [truth[top[0]] for top in rankings["top"]]
    stated = [truth[image].stated[number] for image, number in zip(rankings["image"], rankings["caption"], strict=True)]
    wrong = np.array([found.person != person for found, person in zip(shown, rankings["person"], strict=True)])
    results = {}
    for slot in SLOTS:
        rows = [row for row, facts in enumerate(stated) if slot in facts]
        if not rows:
            continue
        held = Counter(image.attributes.get(slot) for image in truth.values())
        right = np.array([shown[row].attributes.get(slot) == stated[row][slot] for row in rows])
        recall = 100 * right.mean()
        ends = bootstrap_ends(100.0 * right[:, None], rankings["person"].to_numpy()[rows], samples=bootstrap, seed=0)
        chance = 100 * np.mean([held[stated[row][slot]] / len(truth) for row in rows])
        errors = right[wrong[rows]]
        results[slot] = {
            "queries": len(rows),
            "recall": float(recall),
            "interval": ends[:, 0].tolist(),
            "chance": float(chance),
            "skill": float(100 * (recall - chance) / (100 - chance)) if chance < 100 else None,
            "errors": len(errors),
            "recall_in_errors": float(100 * errors.mean()) if len(errors) else None,
        }
    return results
