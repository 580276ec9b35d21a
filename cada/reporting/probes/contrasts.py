"""Whether one variant loses more than another when captions and pictures are changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cada.reporting.bootstrap import Difference
from cada.reporting.formats import Section, Table, csv_text, signed
from cada.reporting.measured import LABEL, METRICS
from cada.reporting.pairs import SHOWN, interval_note
from cada.reporting.probes.files import Read, common_note, first_file, number, titled
from cada.reporting.probes.outcomes import Outcomes, differences

TOLD = ("swapped_colours",)  # kinds that the notes speak of


@dataclass(frozen=True)
class Contrast:
    """How much more each metric of `variant` changes under `kind` than that of `reference`, in points; below 0 it loses more."""

    kind: str
    variant: str
    reference: str
    differences: Mapping[str, Difference] | None

    def sentence(self, title: str, seeds: int) -> str:
        """What the interval of R@1 says, in words."""
        if self.differences is None:
            return f"{title}: {self.variant} and {self.reference} were asked about fewer than two persons in common"
        mean, low, high = self.differences["R1"].shown()
        numbers = f"{signed(mean, plus=True)} points R@1, 95 % interval {signed(low)} to {signed(high)}, {seeds} seed{'s' * (seeds > 1)}"
        if not self.differences["R1"].established:
            return f"{title}: no difference between {self.variant} and {self.reference} is established ({numbers})"
        return f"{title}: {self.variant} loses {'more' if mean < 0 else 'less'} than {self.reference} ({numbers})"


def contrast(read: Read, outcomes: Outcomes, pairs: Sequence[tuple[str, str]]) -> list[Contrast]:
    """Every kind of change for every pair (variant, reference)."""
    first = first_file(read)
    return [
        Contrast(kind, ours, theirs, differences(outcomes[ours], outcomes[theirs], kind))
        for kind in first.captions | first.pictures
        for ours, theirs in pairs
    ]


def contrasts_table(dataset: str, read: Read, contrasts: Sequence[Contrast]) -> Table:
    """A section for each kind, a row for each pair, with sentences for what is asked most."""
    columns = ("variant", "against", *(name for metric in SHOWN for name in (LABEL[metric], "95 %")))
    first, seeds = first_file(read), [file.seed for file in next(iter(read.values()))]
    titles = {kind: titled(kind, found.strength) for kind, found in (first.captions | first.pictures).items()}
    sections = [
        Section(title, tuple((one.variant, one.reference, *_cells(one)) for one in contrasts if one.kind == kind))
        for kind, title in titles.items()
        if contrasts
    ]
    told = [f"{one.sentence(titles[one.kind], len(seeds))}." for one in contrasts if one.kind in TOLD]
    notes = (
        *told,
        common_note(read),
        "Points by which the first's score changes, less those by which the second's does: below zero the first loses more.",
        "A variant that finds more has more to lose.",
        interval_note(seeds),
        "The intervals are not corrected for the number of pairs, kinds and metrics.",
    )
    return Table(f"Differences in robustness on {dataset}", columns, 2, tuple(sections), notes)


def contrasts_csv(dataset: str, read: Read, contrasts: Sequence[Contrast]) -> str:
    """All metrics to four decimals with the ends of their intervals; empty where fewer than two persons were asked about."""
    columns = ["dataset", "kind", "variant", "reference", "seeds"]
    columns += [f"{metric}_{part}" for metric in METRICS for part in ("difference", "low", "high")]
    seeds, lines = str(len(next(iter(read.values())))), []
    for one in contrasts:
        found = one.differences
        numbers = [number(value) for name in METRICS for value in (found[name].mean, *found[name].interval)] if found else [""] * 15
        lines.append([dataset, one.kind, one.variant, one.reference, seeds, *numbers])
    return csv_text(columns, lines)


def _cells(one: Contrast) -> list[str]:
    cells = []
    for metric in SHOWN:
        if one.differences is None:
            cells += ["", ""]
            continue
        mean, low, high = one.differences[metric].shown()
        cells += [signed(mean, plus=True), f"{signed(low, plus=True)} to {signed(high, plus=True)}"]
    return cells
