"""Whether each variant tells true captions from false ones made of the same words."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cada.reporting.ablation import mean_and_deviation
from cada.reporting.formats import Section, Table, csv_text
from cada.reporting.probes.files import Probes, Read, changed_share, common_note, first_file, numbers_of, summarise, titled


def composition_table(dataset: str, read: Read) -> Table:
    """How often a caption scores higher on its own picture than its false version, by the cosine and by the match score."""
    rows = tuple(
        (titled(kind, None), score, changed_share(read, kind), *(_wins_cell(files, kind, score) for files in read.values()))
        for kind, score in _compared(read)
    )
    notes = (
        common_note(read),
        "Per cent of the captions that score higher on their own picture than their false version does; chance is 50, a tie counts half.",
        "cosine: of the two [CLS] embeddings. match: the match head on the caption reading the picture; empty where a variant trains none.",
        "A false version with words that training never had may lose for that alone: a swap has the same words, a negation new ones.",
    )
    return Table(
        f"True captions against false ones on {dataset}",
        ("false version", "score", "captions", *read),
        3,
        (Section("The true caption wins", rows),),
        notes,
    )


def composition_csv(dataset: str, read: Read) -> str:
    """The same numbers to four decimals."""
    lines = []
    for kind, score in _compared(read):
        for variant, files in read.items():
            wins = _wins(files, kind, score)
            if wins:
                count = statistics.fmean(file.captions[kind].changed or 0 for file in files)
                lines.append([dataset, kind, score, variant, str(len(files)), f"{count:g}", *numbers_of(summarise(wins))])
    return csv_text(["dataset", "false_version", "score", "variant", "seeds", "captions", "true_wins_mean", "true_wins_std"], lines)


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


def _wins_cell(files: Sequence[Probes], kind: str, score: str) -> str:
    wins = _wins(files, kind, score)
    return mean_and_deviation(summarise(wins)) if wins else ""
