"""The probe files of a run, and what their tables share. Scores are in percent, changes in points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cada.errors import CadaError
from cada.reporting.formats import by_value
from cada.reporting.measured import Scores, Summary
from cada.storage.files import read_json


class _File(BaseModel):
    """What the tables need of a probe file; other keys may stand beside it."""

    model_config = ConfigDict(frozen=True)


class Kind(_File):
    """One kind of change: metrics over all queries, and before and after over the changed ones (captions)."""

    strength: float | None
    scores: Scores
    changed: int | None = None
    before: Scores | None = None
    after: Scores | None = None
    true_wins: dict[str, float] | None = None


class Recall(_File):
    """One attribute slot; see `cada.analysis.probes.attributes`."""

    queries: int
    recall: float
    interval: tuple[float, float]
    chance: float
    skill: float | None
    errors: int
    recall_in_errors: float | None


class Probes(_File):
    """results/<dataset>/probes/<variant>/<seed>.json."""

    dataset: str
    variant: str
    seed: int
    queries: int
    query_persons: int
    test_persons: int
    consecutive: int
    gallery: int
    headline: str
    synonyms: str
    unchanged: Scores
    captions: dict[str, Kind]
    pictures: dict[str, Kind]
    attributes: dict[str, Recall] | None = None


Read = Mapping[str, Sequence[Probes]]  # variant to its files, one a seed


def read_probes(dataset: str, variants: Sequence[str], seeds: Sequence[int], folder: Path) -> dict[str, list[Probes]]:
    """The probe files of variants x seeds, and no others.

    Errors: `CadaError` for a file that is missing or incomplete, and for kinds, strengths or galleries that differ.
    """
    read = {variant: [_read_file(folder, dataset, variant, seed) for seed in seeds] for variant in variants}
    first = read[variants[0]][0]
    for file in (file for files in read.values() for file in files):
        if _setting(file) != _setting(first):
            raise CadaError(
                f"{folder / file.variant / f'{file.seed}.json'}: probed with other strengths or on another gallery than "
                f"{first.variant}/{first.seed}.json. {_again(dataset, file.variant, file.seed)}"
            )
    return read


def _read_file(folder: Path, dataset: str, variant: str, seed: int) -> Probes:
    path = folder / variant / f"{seed}.json"
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file. {_again(dataset, variant, seed)}")
    try:
        return Probes.model_validate(read_json(path))
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise CadaError(f"{path}: {key or 'the file'}: {error.errors()[0]['msg']}. {_again(dataset, variant, seed)}") from error


def _again(dataset: str, variant: str, seed: int) -> str:
    return f"Make it with `cada probe {dataset} --variant {variant} --seed {seed}`."


def _setting(file: Probes) -> tuple[object, ...]:
    strengths = {kind: found.strength for kind, found in (file.captions | file.pictures).items()}
    return file.dataset, file.gallery, file.query_persons, file.consecutive, strengths, tuple(file.attributes or ())


# --- what the tables share --------------------------------------------------------------------------------------------


def titled(kind: str, strength: float | None) -> str:
    """A kind of change with its strength, in words."""
    if strength is None:
        return {"swapped_colours": "colours of two things swapped", "negation": "one thing negated"}[kind]
    percent = f"{100 * strength:g} %"
    return {
        "typing_errors": f"typing errors, {percent} of the words of four letters or more",
        "synonyms": f"synonyms, {percent} of the words with one",
        "dropped_phrases": f"phrases dropped, {percent}",
        "blur": f"blur, sigma {percent} of the height",
        "darkness": f"brightness {percent}",
        "occlusion": f"occlusion, {percent} of the area",
        "low_resolution": f"resolution / {strength:g}",
    }[kind]


def changed_range(read: Read, kind: str) -> tuple[float, float]:
    """Per cent of the captions that were changed, the least and the most: variants may read other queries."""
    shares = [100 * (file.captions[kind].changed or 0) / file.queries for files in read.values() for file in files]
    return min(shares), max(shares)


def changed_share(read: Read, kind: str) -> str:
    """The same in words."""
    low, high = (f"{share:.0f}" for share in changed_range(read, kind))
    return f"{low} %" if low == high else f"{low} to {high} %"


def first_file(read: Read) -> Probes:
    """A file to read the common settings from."""
    return next(iter(read.values()))[0]


def common_notes(read: Read) -> list[str]:
    """How much was asked of how much, of how many seeds, and which persons these are."""
    file, seeds = first_file(read), len(next(iter(read.values())))
    spread = f"mean ± standard deviation (n - 1) over {seeds} seeds" if seeds > 1 else "one seed"
    queries = by_value({variant: str(files[0].queries) for variant, files in read.items()})
    asked = f"Queries: {queries}, of {file.query_persons} persons, against {file.gallery} pictures; {spread}."
    if file.query_persons == file.test_persons:
        return [asked]
    groups = f"groups of {file.consecutive} consecutive ids" if file.consecutive > 1 else "ids"
    families = " Look-alikes have consecutive ids in this drawn set." if file.attributes else ""
    return [
        asked,
        f"The persons are {groups}, evenly spaced among the {file.test_persons} test persons.{families} "
        "In this smaller gallery more is found than in the whole one.",
    ]


def own_interval_note(read: Read, what: str) -> str:
    """How the interval of `what` of one variant comes about."""
    seeds = [file.seed for file in next(iter(read.values()))]
    text = f"Intervals of {what}: bootstrap over persons, each with all queries"
    if len(seeds) == 1:
        return f"{text}. One seed: they say nothing of another training."
    return f"{text}, and over the seeds ({', '.join(map(str, seeds))}), widened by Student's t for their small number."


OWN_WEIGHT = "Each variant by its headline score and its own fusion weight."


def numbers_of(summary: Summary) -> list[str]:
    """Mean and standard deviation for a CSV file."""
    return [number(summary.mean), "" if summary.deviation is None else number(summary.deviation)]


def number(value: float) -> str:
    """A number for a CSV file."""
    return f"{value:.4f}"
