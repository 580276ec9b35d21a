"""Whether each variant tells true captions from false ones made of the same words."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from cada.reporting.ablation import mean_and_deviation
from cada.reporting.bootstrap import Difference
from cada.reporting.formats import Section, Table, csv_text
from cada.reporting.measured import summarise
from cada.reporting.pairs import interval_note
from cada.reporting.probes.files import Probes, Read, changed_share, common_note, first_file, number, numbers_of, titled
from cada.reporting.probes.outcomes import Outcomes, wins

TOLD = ("swapped_colours",)  # false versions that the notes speak of
Preferences = Mapping[tuple[str, str], Mapping[str, Difference | None]]  # by kind and score, by variant, in points over chance


def measure_preferences(read: Read, outcomes: Outcomes) -> Preferences:
    """How much more often than by chance each variant prefers the true caption, by each score that some variant has."""
    return {(kind, score): {name: wins(models, kind, score) for name, models in outcomes.items()} for kind, score in _compared(read)}


def composition_table(dataset: str, read: Read, measured: Preferences) -> Table:
    """How often a caption scores higher on its own picture than its false version, by the cosine and by the match score."""
    rows = tuple(
        (titled(kind, None), score, changed_share(read, kind), *_cells(read, found, kind, score))
        for (kind, score), found in measured.items()
    )
    notes = (
        *(f"{text}." for kind, score in measured if kind in TOLD for text in _sentences(measured[kind, score], kind, score)),
        common_note(read),
        "Per cent of the captions that score higher on their own picture than their false version does; chance is 50, a tie counts half.",
        "cosine: of the two [CLS] embeddings. match: the match head on the caption reading the picture; empty where a variant trains none.",
        interval_note([file.seed for file in next(iter(read.values()))]),
        "A false version with words that training never had may lose for that alone: a swap has the same words, a negation new ones.",
    )
    return Table(
        f"True captions against false ones on {dataset}",
        ("false version", "score", "captions", *(name for variant in read for name in (variant, "95 %"))),
        3,
        (Section("The true caption wins", rows),),
        notes,
    )


def composition_csv(dataset: str, read: Read, measured: Preferences) -> str:
    """The same numbers to four decimals."""
    lines = []
    for kind, score in measured:
        for variant, files in read.items():
            shares = _wins(files, kind, score)
            if shares:
                count = statistics.fmean(file.captions[kind].changed or 0 for file in files)
                found = measured[kind, score][variant]
                ends = [number(50 + end) for end in found.interval] if found else ["", ""]
                lines.append([dataset, kind, score, variant, str(len(files)), f"{count:g}", *numbers_of(summarise(shares)), *ends])
    columns = ["dataset", "false_version", "score", "variant", "seeds", "captions"]
    return csv_text(columns + [f"true_wins_{part}" for part in ("mean", "std", "low", "high")], lines)


def _compared(read: Read) -> list[tuple[str, str]]:
    """Kinds with a false version, and the scores that some variant has for them."""
    found = [
        (kind, score)
        for files in read.values()
        for file in files
        for kind, change in file.captions.items()
        for score in change.true_wins or ()
    ]
    order = list(first_file(read).captions)
    return sorted(dict.fromkeys(found), key=lambda item: (order.index(item[0]), item[1]))


def _wins(files: Sequence[Probes], kind: str, score: str) -> list[float]:
    return [shares[score] for file in files if (shares := file.captions[kind].true_wins) and score in shares]


def _cells(read: Read, found: Mapping[str, Difference | None], kind: str, score: str) -> list[str]:
    cells = []
    for variant, files in read.items():
        shares, difference = _wins(files, kind, score), found[variant]
        cells += [mean_and_deviation(summarise(shares)) if shares else "", _interval(difference) if difference else ""]
    return cells


def _sentences(found: Mapping[str, Difference | None], kind: str, score: str) -> Iterator[str]:
    """What each variant's interval says, in words."""
    for variant, difference in found.items():
        if difference is None:
            continue
        numbers = f"{50 + difference.shown()[0]:.1f} %, 95 % interval {_interval(difference)}"
        said = (
            f"prefers the {'true' if difference.mean > 0 else 'false'} caption"
            if difference.established
            else "no preference is established"
        )
        yield f"{titled(kind, None)}, {score}: {variant}: {said} ({numbers})"


def _interval(found: Difference) -> str:
    _, low, high = found.shown()
    return f"{50 + low:.1f} to {50 + high:.1f}"
