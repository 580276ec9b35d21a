"""Checks that every record can be used: counts as published, captions with words, one record an image, images that open.

A check does not stop at the first fault: it gives all of them, long lists cut short, so that one run says what to fix.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from cada.datasets.decoding import content_of, decode_rgb
from cada.datasets.records import Record, split_counts
from cada.datasets.text import MAX_WORDS, normalise_caption
from cada.errors import of_file

# Public captions run to about 150 words and are cut after 72, as the published code does. Beyond this it is no caption, but a fault.
LIMIT_WORDS = 250
NAMED = 10  # faults of one kind that are named; the rest is counted
THREADS = min(16, os.cpu_count() or 1)  # decoding releases the interpreter's lock


class Findings(NamedTuple):
    """What the checks of a set found; it may be used when there are no `problems`."""

    counts: dict[str, dict[str, int]]  # persons, images and captions of each split
    truncated: int  # captions that are cut after 72 words
    images: dict[str, tuple[int, str]]  # bytes and SHA-256 of each whole image, by its path under imgs/, in alphabetical order
    problems: tuple[str, ...]


def validate(
    root: Path,
    records: Sequence[Record],
    *,
    expected: Mapping[str, Mapping[str, int]] | None,
    annotation: Sequence[Path],
    where: Path,
    remedy: str,
) -> Findings:
    """All checks of a set whose images lie under `root`/imgs; without `expected` counts, these are not compared.

    The messages name the files `annotation` and `where`, which gives `expected`; `remedy` says what to do about images.
    """
    counts, named = split_counts(records), " or ".join(str(path) for path in annotation)
    truncated, unusable = check_captions(records, named)
    repeated = [*check_names([record.image for record in records], named), *check_persons(records, named)]
    images, broken = check_images(root, [record.image for record in records], remedy=remedy)
    different = check_counts(root, counts, expected, where=where) if expected else []
    return Findings(counts, truncated, images, (*different, *unusable, *repeated, *broken))


def check_counts(
    root: Path, counts: Mapping[str, Mapping[str, int]], expected: Mapping[str, Mapping[str, int]], *, where: Path
) -> list[str]:
    """One sentence with every difference between the annotation's counts and the expected ones, or none."""
    nothing = {"persons": 0, "images": 0, "captions": 0}
    differences = [
        f"{split} has {counts.get(split, nothing)[kind]:,} {kind}, not {expected.get(split, nothing)[kind]:,}"
        for split in dict.fromkeys([*expected, *counts])
        for kind in nothing
        if counts.get(split, nothing)[kind] != expected.get(split, nothing)[kind]
    ]
    if not differences:
        return []
    return [f"{root}: {', '.join(differences)}. Fetch the official annotation, or fix `expected` in {where} if another one is meant."]


def check_captions(records: Sequence[Record], annotation: str) -> tuple[int, list[str]]:
    """How many captions are cut after 72 words; a sentence for each one without words or of more than 250."""
    cut, problems = 0, []
    for record in records:
        for place, caption in enumerate(record.captions):
            count = len(normalise_caption(caption, LIMIT_WORDS + 1).split())
            where = f"{annotation}: {record.image} ({record.split}): caption {place}"
            if count == 0:
                problems.append(f"{where} has no words: {caption!r}. Write one or take it out of the annotation.")
            if count > LIMIT_WORDS:
                problems.append(f"{where} has more than {LIMIT_WORDS} words: {caption[:60]!r}... Shorten it in the annotation.")
            cut += count > MAX_WORDS
    return cut, _shortened(problems, "captions that cannot be used")


def check_names(names: Sequence[str], annotation: str) -> list[str]:
    """A sentence for each image with several records: a caption is named by its image and its number there."""
    problems = [
        f"{annotation}: {name} has {count} records. Put its captions into one." for name, count in Counter(names).items() if count > 1
    ]
    return _shortened(problems, "images with several records")


def check_persons(records: Sequence[Record], annotation: str) -> list[str]:
    """A sentence for each person in several splits: who was trained on is not found as a stranger is."""
    splits: dict[str, dict[str, None]] = {}
    for record in records:
        splits.setdefault(record.label, {})[record.split] = None
    problems = [
        f"{annotation}: person {person} is in {' and '.join(found)}. Put a person into one split."
        for person, found in splits.items()
        if len(found) > 1
    ]
    return _shortened(problems, "persons in several splits")


def check_images(root: Path, names: Sequence[str], *, remedy: str) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """Decode every image in threads, none of them kept: the facts of the whole ones as in `Findings`, and the faults.

    The missing ones are counted by folder; an unreadable one has a sentence of its own.
    """
    distinct = sorted(set(names))
    if not (root / "imgs").is_dir():
        return {}, [f"{root}: there is no imgs/, and the annotation names {len(distinct):,} images in it. {remedy}"]
    paths = [root / "imgs" / name for name in distinct]
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(tqdm(pool.map(_check_image, paths), "checking images", len(paths), unit="image", disable=None))
    whole = {name: facts for name, facts in zip(distinct, results, strict=True) if isinstance(facts, tuple)}
    unreadable = [sentence for sentence in results if isinstance(sentence, str)]
    missing = [path for path, facts in zip(paths, results, strict=True) if facts is None]
    problems = [*_missing_by_folder(missing, paths), *_shortened(unreadable, "images that are not whole")]
    return whole, [*problems, remedy] if problems else []


def _check_image(path: Path) -> tuple[int, str] | str | None:
    """Bytes and SHA-256; or why the image cannot be read; or None when there is no such file."""
    try:
        data = content_of(path)
        decode_rgb(data)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return str(of_file(error, path, "cannot be read"))
    except ValueError as error:
        return f"{path}: not a whole image ({error})."
    return len(data), hashlib.sha256(data).hexdigest()


def _missing_by_folder(missing: Sequence[Path], paths: Sequence[Path]) -> list[str]:
    totals, lines = Counter(path.parent for path in paths), []
    for folder, absent in groupby(sorted(missing, key=lambda path: path.parent), key=lambda path: path.parent):
        names = [path.name for path in absent]
        if not folder.is_dir():
            lines.append(f"{folder}: there is no such folder, and the annotation names {totals[folder]:,} images in it.")
            continue
        first = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        lines.append(f"{folder}: {len(names):,} of {totals[folder]:,} images are missing: {first}.")
    return _shortened(lines, "folders with missing images")


def _shortened(lines: list[str], what: str) -> list[str]:
    return [*lines[:NAMED], f"... and {len(lines) - NAMED:,} more {what}."] if len(lines) > NAMED else lines
