"""What the tables of the probes share: the names of the changes, and sentences on queries, persons and intervals."""

from __future__ import annotations

from cada.reporting.results.probes import UNCHANGED, ProbedVariants, first_file
from cada.reporting.tables.cells import by_value

OWN_WEIGHT = "Each variant is scored by its headline score with its own fusion weight."
_WITHOUT_STRENGTH = {UNCHANGED: "nothing changed", "swapped_colours": "colours of two things swapped", "negation": "one thing negated"}


def change_title(kind: str, strength: float | None) -> str:
    """A kind of change with its strength, in words."""
    if strength is None:
        return _WITHOUT_STRENGTH[kind]
    percent = f"{100 * strength:g} %"
    return {
        "typing_errors": f"typing errors, {percent} of the words of four letters or more",
        "synonyms": f"synonyms, {percent} of the words that have one",
        "dropped_phrases": f"phrases dropped, {percent}",
        "blur": f"blur, sigma {percent} of the height",
        "darkness": f"brightness {percent}",
        "occlusion": f"occlusion, {percent} of the area",
        "low_resolution": f"resolution divided by {strength:g}",
    }[kind]


def changed_range(probed: ProbedVariants, kind: str) -> tuple[float, float]:
    """Per cent of the captions that were changed, the least and the most: variants may read other queries."""
    shares = [100 * (file.captions[kind].changed or 0) / file.queries for files in probed.values() for file in files]
    return min(shares), max(shares)


def changed_share(probed: ProbedVariants, kind: str) -> str:
    """The same in words."""
    low, high = (f"{share:.0f}" for share in changed_range(probed, kind))
    return f"{low} %" if low == high else f"{low} to {high} %"


def seeds_of(probed: ProbedVariants) -> list[int]:
    """The seeds, which all variants share."""
    return [file.seed for file in next(iter(probed.values()))]


def query_notes(probed: ProbedVariants) -> list[str]:
    """How many queries were searched in how many images, with how many seeds, and which persons these are."""
    file, seeds = first_file(probed), len(seeds_of(probed))
    spread = f"mean ± standard deviation (n - 1) over {seeds} seeds" if seeds > 1 else "one seed"
    queries = by_value({variant: str(files[0].queries) for variant, files in probed.items()})
    counts = f"Queries: {queries}, of {file.query_persons} persons, against {file.gallery} images; {spread}."
    if file.query_persons == file.test_persons:
        return [counts]
    groups = f"groups of {file.consecutive} consecutive ids" if file.consecutive > 1 else "ids"
    families = " Look-alikes have consecutive ids in this drawn set." if file.attributes else ""
    return [
        counts,
        f"The persons are {groups}, evenly spaced among the {file.test_persons} test persons.{families} "
        "The gallery is smaller than that of all test persons, so more is found.",
    ]
