"""The one record type behind every data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One image of one person with its captions.

    `image` is relative to the data set's `imgs/` folder; `person` is the id of the annotation file, or the number that stands for the
    `name` that a user's table has in its place.
    """

    image: str
    person: int
    captions: tuple[str, ...]
    split: str
    name: str = ""

    @property
    def label(self) -> str:
        """The person as the annotation names it: the name, or the id in decimal."""
        return self.name or str(self.person)


Records = list[Record]


def split_counts(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Persons, images and captions of each split, in the order of the records."""
    counts = {}
    for split in dict.fromkeys(record.split for record in records):
        mine = [record for record in records if record.split == split]
        captions = sum(len(record.captions) for record in mine)
        counts[split] = {"persons": len({record.person for record in mine}), "images": len(mine), "captions": captions}
    return counts


def gallery_parts(persons: Sequence[int], parts: int) -> list[set[int]]:
    """Cut the distinct persons, in the order of their ids, into `parts` galleries of nearly equal size.

    Consecutive ids stay together, so the families of look-alikes in a drawn set are not torn apart.
    """
    ids = sorted(set(persons))
    bounds = [round(len(ids) * i / parts) for i in range(parts + 1)]
    return [set(ids[low:high]) for low, high in pairwise(bounds)]


def image_path(root: Path, record: Record) -> Path:
    """Where the record's image lies on the disk."""
    return root / "imgs" / record.image
