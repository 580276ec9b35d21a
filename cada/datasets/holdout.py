"""A val split for a set that has none (ICFG-PEDES): train persons held out by a fixed rule, or the published "val = test".

The rule: write each train person's id in decimal, take the SHA-256 of that text, and order the persons by it; the first
`persons` of them, with all their pictures, become val. It needs no generator and no file, gives the same persons on every
machine, and a larger number keeps those of a smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cada.datasets.records import Record
from cada.errors import CadaError


def with_val(records: Sequence[Record], *, how: Literal["test", "held_out"], persons: int | None, where: Path) -> list[Record]:
    """The records with a val split: unchanged where there is one. `where` is the data.yaml that gives `persons`.

    `held_out`: `persons` train persons move to val. `test`: the test records are repeated as val and train stays whole,
    as published. Errors: `CadaError` when `persons` is None or leaves nobody to train on.
    """
    if any(record.split == "val" for record in records):
        return list(records)
    if how == "test":
        return [*records, *(replace(record, split="val") for record in records if record.split == "test")]
    train = {record.person for record in records if record.split == "train"}
    if persons is None:
        raise CadaError(f"{where}: held_out_persons is missing, and the set has no val split. Say how many train persons become val.")
    if persons >= len(train):
        raise CadaError(f"{where}: held_out_persons is {persons}, and train has {len(train)} persons. Hold out fewer.")
    held_out = set(sorted(train, key=_rank)[:persons])
    return [replace(record, split="val") if record.split == "train" and record.person in held_out else record for record in records]


def _rank(person: int) -> str:
    return hashlib.sha256(str(person).encode()).hexdigest()
