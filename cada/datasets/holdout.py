"""Persons held out by a fixed rule, for sets without a val split (ICFG-PEDES) or without any (a table); or the published "val = test".

The rule: write each person's id in decimal, or the name where the annotation has one instead, take the SHA-256 of that text in UTF-8,
and order the persons by it. The first ones, with all their images, are held out. It needs no generator and no file, gives the same
persons on every machine, and a larger number keeps those of a smaller one. Where test persons are held out too, these are the first,
and val persons those that follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cada.datasets.records import Record, Records
from cada.datasets.table import UNSPLIT
from cada.errors import CadaError


def with_val(records: Sequence[Record], *, how: Literal["test", "held_out"], persons: int | None, where: Path | str) -> Records:
    """The records with a val split: unchanged where there is one. `where` is the data.yaml that gives `persons`.

    `held_out`: `persons` train persons move to val. `test`: the test records are repeated as val and train stays whole,
    as published. Errors: `CadaError` when `persons` is None or leaves nobody to train on.
    """
    if any(record.split == "val" for record in records):
        return list(records)
    if how == "test":
        return [*records, *(replace(record, split="val") for record in records if record.split == "test")]
    if persons is None:
        raise CadaError(f"{where}: held_out_persons is missing, and the set has no val split. Say how many train persons become val.")
    held_out, others = _divided(records, "train", persons)
    if not others:
        raise CadaError(f"{where}: held_out_persons is {persons}, and train has {len(held_out)} persons. Hold out fewer.")
    return [replace(record, split="val") if record.split == "train" and record.person in held_out else record for record in records]


def with_test(records: Sequence[Record], *, persons: int | None, annotation: Path, where: Path | str) -> Records:
    """The records of a table without splits with `persons` persons as test and all others as train; others unchanged.

    Errors: `CadaError` when `persons` is missing or leaves nobody to train on, or is given and the annotation has splits.
    """
    if any(record.split != UNSPLIT for record in records):
        if persons is not None:
            raise CadaError(f"{where}: test_persons is {persons}, but {annotation} has splits of its own. Take out one of the two.")
        return list(records)
    if persons is None:
        raise CadaError(f"{where}: test_persons is missing, and {annotation} has no split. Say how many persons become test.")
    held_out, others = _divided(records, UNSPLIT, persons)
    if not others:
        raise CadaError(f"{where}: test_persons is {persons}, and {annotation} has {len(held_out)} persons. Hold out fewer.")
    return [replace(record, split="test" if record.person in held_out else "train") for record in records]


def _divided(records: Sequence[Record], split: str, count: int) -> tuple[set[int], set[int]]:
    """The first `count` persons of a split by the rule, and its others."""
    labels = {record.person: record.label for record in records if record.split == split}
    ordered = sorted(labels, key=lambda person: hashlib.sha256(labels[person].encode()).hexdigest())
    return set(ordered[:count]), set(ordered[count:])
