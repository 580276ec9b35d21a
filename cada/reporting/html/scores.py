"""The score that each variant is judged by, from the table of the ablation."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Score:
    """A variant with its R@1 on the full test gallery, in percent, by the score that it is judged by."""

    variant: str
    title: str
    reranked: bool
    r1: float


def read_scores(table: Path) -> list[Score]:
    """What ablation.csv says of the variants, in its order."""
    with table.open(newline="", encoding="utf-8") as file:
        return [
            Score(line["variant"], line["title"], line["score"] != "cosine", float(line["R1_mean"]))
            for line in csv.DictReader(file)
            if line["gallery"] == "all" and line["headline"] == "1"
        ]
