"""What changed captions and pictures cost each variant."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cada.reporting.ablation import LABEL, mean_and_deviation
from cada.reporting.formats import Section, Table, csv_text, signed
from cada.reporting.measured import METRICS, Summary
from cada.reporting.probes.files import Kind, Probes, Read, changed_share, common_note, first_file, number, numbers_of, summarise, titled

SHOWN = ("R1", "mAP")  # the CSV file has all metrics


def robustness_table(dataset: str, read: Read) -> Table:
    """A row for each kind: the change of R@1 and of mAP for each variant, over all queries and over the changed ones."""
    columns = ("change", "changed", *(f"{variant} {LABEL[name]}" for variant in read for name in SHOWN))
    first = first_file(read)
    plain = [mean_and_deviation(summarise([getattr(file.unchanged, name) for file in read[variant]])) for variant in read for name in SHOWN]
    pictures = tuple((titled(kind, found.strength), "all", *_changes(read, kind)) for kind, found in first.pictures.items())
    captions = [
        (
            (titled(kind, found.strength), changed_share(read, kind), *_changes(read, kind)),
            (titled(kind, found.strength), changed_share(read, kind), *_changes(read, kind, changed=True)),
        )
        for kind, found in first.captions.items()
    ]
    sections = (
        Section("Nothing changed", (("none", "", *plain),)),
        Section("Captions changed: points more or less over all queries", tuple(row for row, _ in captions)),
        Section("Captions changed: points more or less over the changed ones alone", tuple(row for _, row in captions)),
        Section("Pictures of the gallery changed: points more or less over all queries", pictures),
    )
    return Table(f"Robustness on {dataset}", columns, 2, sections, tuple(_robustness_notes(read)))


def robustness_csv(dataset: str, read: Read) -> str:
    """All metrics to four decimals: after the change, the change, its standard deviation, and the means of its intervals' ends.

    Intervals (95 %, persons drawn anew) are those over all queries; the rows over the changed ones have none.
    """
    columns = ["dataset", "input", "kind", "strength", "queries", "variant", "seeds", "count"]
    columns += [f"{name}_{part}" for name in METRICS for part in ("mean", "change", "change_std", "change_low", "change_high")]
    first = first_file(read)
    asked = [("captions", kind, changed) for kind in first.captions for changed in (False, True)]
    lines = []
    for place, kind, changed in [*asked, *(("pictures", kind, False) for kind in first.pictures)]:
        strength = _kind(first, kind).strength
        labels = [place, kind, "" if strength is None else f"{strength:g}", "changed" if changed else "all"]
        for variant, files in read.items():
            count = statistics.fmean((_kind(file, kind).changed or 0) if changed else file.queries for file in files)
            values = [text for name in METRICS for text in _csv_cells(files, kind, name, changed=changed)]
            lines.append([dataset, *labels, variant, str(len(files)), f"{count:g}", *values])
    return csv_text(columns, lines)


def _csv_cells(files: Sequence[Probes], kind: str, name: str, *, changed: bool) -> list[str]:
    values = [_before_and_after(file, kind, name, changed=changed) for file in files]
    ends = [getattr(_kind(file, kind).change_intervals, name) for file in files]
    interval = ["", ""] if changed else [number(statistics.fmean(side)) for side in zip(*ends, strict=True)]
    change = summarise([after - before for before, after in values])
    return [number(statistics.fmean(after for _, after in values)), *numbers_of(change), *interval]


def _changes(read: Read, kind: str, *, changed: bool = False) -> list[str]:
    cells = []
    for files in read.values():
        for name in SHOWN:
            values = [_before_and_after(file, kind, name, changed=changed) for file in files]
            cells.append(_change(summarise([after - before for before, after in values])))
    return cells


def _before_and_after(file: Probes, kind: str, name: str, *, changed: bool) -> tuple[float, float]:
    """A metric without and with the change; over no changed queries at all it is the same."""
    found = _kind(file, kind)
    before, after = (found.before or file.unchanged, found.after or file.unchanged) if changed else (file.unchanged, found.scores)
    return getattr(before, name), getattr(after, name)


def _kind(file: Probes, kind: str) -> Kind:
    return (file.captions | file.pictures)[kind]


def _robustness_notes(read: Read) -> list[str]:
    file = first_file(read)
    words = "of the grammar, which training has seen" if file.synonyms == "grammar" else "from a list of common words"
    return [
        common_note(read),
        "Swapped colours and a negation make a caption false: there a loss shows that the model reads them closely, and is no fault.",
        "Dropped phrases take information away: some loss is due.",
        f"Synonyms are wordings {words}." + (" Misspelt words and no, without are outside the vocabulary." if words[0] == "o" else ""),
        "The CSV file has every metric, and 95 % intervals of the changes over persons.",
        "At least one word or phrase is changed where there is one; the rest of the captions stay as they are.",
    ]


def _change(summary: Summary) -> str:
    """+0.3 ± 0.1; a change that rounds to nothing has no sign."""
    _, space, deviation = mean_and_deviation(summary).partition(" ")
    return signed(summary.mean, plus=True) + space + deviation
