"""Whether each variant tells true captions from false ones made of the same words."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cada.reporting.ablation import mean_and_deviation
from cada.reporting.bootstrap import Difference
from cada.reporting.formats import Section, Table, csv_text
from cada.reporting.measured import summarise
from cada.reporting.pairs import interval_note
from cada.reporting.probes.files import Probes, Read, changed_share, common_note, first_file, number, numbers_of, titled
from cada.reporting.probes.outcomes import Outcomes
from cada.reporting.probes.outcomes import wins as over_chance


def composition_table(dataset: str, read: Read, outcomes: Outcomes) -> Table:
    """How often a caption scores higher on its own picture than its false version, by the cosine and by the match score."""
    rows = tuple(
        (titled(kind, None), score, changed_share(read, kind), *_cells(read, outcomes, kind, score)) for kind, score in _compared(read)
    )
    notes = (
        *(
            f"{_sentence(variant, outcomes, kind, score)}."
            for kind, score in _compared(read)
            for variant in read
            if _wins(read[variant], kind, score)
        ),
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


def composition_csv(dataset: str, read: Read, outcomes: Outcomes) -> str:
    """The same numbers to four decimals."""
    lines = []
    for kind, score in _compared(read):
        for variant, files in read.items():
            wins = _wins(files, kind, score)
            if wins:
                count = statistics.fmean(file.captions[kind].changed or 0 for file in files)
                found = over_chance(outcomes[variant], kind, score)
                ends = [number(50 + end) for end in found.interval] if found else ["", ""]
                lines.append([dataset, kind, score, variant, str(len(files)), f"{count:g}", *numbers_of(summarise(wins)), *ends])
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
    return [wins[score] for file in files if (wins := file.captions[kind].true_wins) and score in wins]


def _cells(read: Read, outcomes: Outcomes, kind: str, score: str) -> list[str]:
    cells = []
    for variant, files in read.items():
        wins, found = _wins(files, kind, score), over_chance(outcomes[variant], kind, score)
        cells += [mean_and_deviation(summarise(wins)) if wins else "", _interval(found) if found else ""]
    return cells


def _sentence(variant: str, outcomes: Outcomes, kind: str, score: str) -> str:
    """Whether the interval leaves 50 out, in words."""
    found, what = over_chance(outcomes[variant], kind, score), f"{titled(kind, None)}, by the {score}"
    if found is None:
        return f"{variant}, {what}: too few persons for an interval"
    numbers = f"{50 + found.shown()[0]:.1f} %, 95 % interval {_interval(found)}"
    if not found.established:
        return f"{variant}, {what}: no preference is established ({numbers})"
    return f"{variant}, {what}: prefers the {'true' if found.mean > 0 else 'false'} caption ({numbers})"


def _interval(found: Difference) -> str:
    _, low, high = found.shown()
    return f"{50 + low:.1f} to {50 + high:.1f}"
