"""What changed captions and pictures cost each variant."""

from __future__ import annotations

import statistics

from cada.reporting.ablation import LABEL, mean_and_deviation
from cada.reporting.formats import Section, Table, csv_text
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
    """All metrics to four decimals: after the change, and the change with its standard deviation."""
    columns = ["dataset", "input", "kind", "strength", "queries", "variant", "seeds", "count"]
    columns += [f"{name}_{part}" for name in METRICS for part in ("mean", "change", "change_std")]
    lines = []
    for place, kinds in (("captions", first_file(read).captions), ("pictures", first_file(read).pictures)):
        for kind, found in kinds.items():
            for changed in (False, True) if place == "captions" else (False,):
                for variant, files in read.items():
                    numbers: list[str] = []
                    for name in METRICS:
                        compared = [_before_and_after(file, kind, name, changed=changed) for file in files]
                        summary = summarise([after - before for before, after in compared])
                        numbers += [number(statistics.fmean(after for _, after in compared)), *numbers_of(summary)]
                    count = statistics.fmean((_kind(file, kind).changed or 0) if changed else file.queries for file in files)
                    strength = "" if found.strength is None else f"{found.strength:g}"
                    labels = [kind, strength, "changed" if changed else "all", variant, str(len(files)), f"{count:g}"]
                    lines.append([dataset, place, *labels, *numbers])
    return csv_text(columns, lines)


def _changes(read: Read, kind: str, *, changed: bool = False) -> list[str]:
    cells = []
    for files in read.values():
        for name in SHOWN:
            values = [_before_and_after(file, kind, name, changed=changed) for file in files]
            cells.append(_signed(summarise([after - before for before, after in values])))
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
        "At least one word or phrase is changed where there is one; the rest of the captions stay as they are.",
    ]


def _signed(summary: Summary) -> str:
    """+0.3 ± 0.1; a change that rounds to nothing has no sign."""
    text = mean_and_deviation(summary)
    if text.split(" ")[0] in ("0.0", "-0.0"):
        return text.lstrip("-")
    return text if text.startswith("-") else f"+{text}"
