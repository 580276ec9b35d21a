"""What changed captions and pictures cost each variant."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from cada.reporting.ablation import LABEL, mean_and_deviation
from cada.reporting.bootstrap import Difference
from cada.reporting.formats import Section, Table, csv_text, points
from cada.reporting.measured import METRICS, summarise
from cada.reporting.probes.files import (
    OWN_WEIGHT,
    Kind,
    Probes,
    Read,
    changed_range,
    changed_share,
    common_notes,
    first_file,
    number,
    numbers_of,
    own_interval_note,
    titled,
)
from cada.reporting.probes.outcomes import Outcomes, changes

SHOWN = "R1"  # the CSV file has all metrics
MOST = 95  # per cent of the captions; where more are changed, the changed ones alone say the same as all
# by kind and whether over the changed ones alone; by variant; by metric
Changes = Mapping[tuple[str, bool], Mapping[str, Mapping[str, Difference] | None]]


def measure_changes(read: Read, outcomes: Outcomes) -> Changes:
    """The change of each metric with its interval, for each kind over all queries and for captions over the changed ones too."""
    first = first_file(read)
    asked = [*((kind, False) for kind in first.captions | first.pictures), *((kind, True) for kind in first.captions)]
    return {(kind, alone): {name: changes(models, kind, changed_alone=alone) for name, models in outcomes.items()} for kind, alone in asked}


def robustness_table(dataset: str, read: Read, measured: Changes) -> Table:
    """A row for each kind: the change of R@1 for each variant with its interval.

    It is over all queries, and where fewer than MOST per cent of the captions are changed also over these alone.
    """
    columns = ("change", "changed", *(name for variant in read for name in (f"{variant} {LABEL[SHOWN]}", "95 %")))
    first = first_file(read)
    plain = [cell for files in read.values() for cell in (mean_and_deviation(summarise([file.unchanged.R1 for file in files])), "")]

    def row(kind: str, *, alone: bool = False) -> tuple[str, ...]:
        share = "all" if kind in first.pictures else changed_share(read, kind)
        cells = [cell for one in measured[kind, alone].values() for cell in (points(one[SHOWN]) if one else ["", ""])]
        return (titled(kind, _kind(first, kind).strength), share, *cells)

    few = [kind for kind in first.captions if changed_range(read, kind)[0] < MOST]
    sections = [
        Section("Nothing changed", (("none", "", *plain),)),
        Section("Captions changed: points more or less over all queries", tuple(row(kind) for kind in first.captions)),
        Section(f"The same over the changed captions alone, where these are under {MOST} %", tuple(row(kind, alone=True) for kind in few)),
        Section("Pictures of the gallery changed: points more or less over all queries", tuple(row(kind) for kind in first.pictures)),
    ]
    shown = tuple(section for section in sections if section.rows)
    return Table(f"Robustness on {dataset}", columns, 2, shown, tuple(_robustness_notes(read)))


def robustness_csv(dataset: str, read: Read, measured: Changes) -> str:
    """All metrics to four decimals: after the change, the change, its standard deviation over seeds, and its 95 % interval."""
    columns = ["dataset", "input", "kind", "strength", "queries", "variant", "seeds", "count"]
    columns += [f"{name}_{part}" for name in METRICS for part in ("mean", "change", "change_std", "change_low", "change_high")]
    first = first_file(read)
    lines = []
    for (kind, alone), by_variant in measured.items():
        place, strength = "pictures" if kind in first.pictures else "captions", _kind(first, kind).strength
        labels = [place, kind, "" if strength is None else f"{strength:g}", "changed" if alone else "all"]
        for variant, found in by_variant.items():
            files = read[variant]
            count = statistics.fmean((_kind(file, kind).changed or 0) if alone else file.queries for file in files)
            values = []
            for name in METRICS:
                pairs = [_before_and_after(file, kind, name, changed=alone) for file in files]
                interval = [number(end) for end in found[name].interval] if found else ["", ""]
                change = numbers_of(summarise([after - before for before, after in pairs]))
                values += [number(statistics.fmean(after for _, after in pairs)), *change, *interval]
            lines.append([dataset, *labels, variant, str(len(files)), f"{count:g}", *values])
    return csv_text(columns, lines)


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
        *common_notes(read),
        OWN_WEIGHT,
        "Swapped colours and a negation make a caption false: there a loss shows that the model reads them closely, and is no fault.",
        "Dropped phrases take information away: some loss is due.",
        f"Synonyms are wordings {words}."
        + (' Misspelt words and "no" and "without" are outside the vocabulary.' if file.synonyms == "grammar" else ""),
        own_interval_note(read, "a variant's change, query by query"),
        "The CSV file has every metric, over all queries and over the changed ones.",
        "At least one word or phrase is changed where there is one; the rest of the captions stay as they are.",
    ]
