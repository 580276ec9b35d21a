"""Whether one variant loses more than another when captions and pictures are changed, and which finds more then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cada.reporting.bootstrap import Difference
from cada.reporting.formats import Section, Table, csv_text, points, signed
from cada.reporting.measured import METRICS
from cada.reporting.pairs import interval_note
from cada.reporting.probes.files import OWN_WEIGHT, Read, common_notes, first_file, number, titled
from cada.reporting.probes.outcomes import UNCHANGED, Outcomes, change_differences, differences

CHANCE = 20  # of so many intervals one leaves out a zero that is true


@dataclass(frozen=True)
class Contrast:
    """How much more each metric of `variant` is under `kind` than that of `reference`, in points, and how much more it changes.

    `change` is below 0 where the variant loses more; there is none for UNCHANGED. Both are None where the two were asked
    about fewer than two persons in common.
    """

    kind: str
    variant: str
    reference: str
    change: Mapping[str, Difference] | None
    score: Mapping[str, Difference] | None

    @property
    def established(self) -> bool:
        """Whether one loses more R@1 than the other."""
        return self.change is not None and self.change["R1"].established

    def sentence(self, title: str, seeds: int) -> str:
        """What the interval of the change of R@1 says, in words, where it is established."""
        assert self.change is not None and self.established
        mean, low, high = self.change["R1"].shown()
        how = "less" if mean > 0 else "more"
        ends = sorted((abs(low), abs(high)))
        return (
            f"{title}: {self.variant} loses {signed(abs(mean))} points R@1 {how} than {self.reference}, "
            f"95 % interval {signed(ends[0])} to {signed(ends[1])}, {seeds} seed{'s' * (seeds > 1)}."
        )


def contrast(read: Read, outcomes: Outcomes, pairs: Sequence[tuple[str, str]]) -> list[Contrast]:
    """UNCHANGED and every kind of change for every pair (variant, reference)."""
    first = first_file(read)
    found = []
    for kind in (UNCHANGED, *first.captions, *first.pictures):
        for ours, theirs in pairs:
            models = outcomes[ours], outcomes[theirs]
            change = None if kind == UNCHANGED else change_differences(*models, kind)
            found.append(Contrast(kind, ours, theirs, change, differences(*models, kind)))
    return found


def contrasts_table(dataset: str, read: Read, contrasts: Sequence[Contrast]) -> Table:
    """A section for each kind, a row for each pair, with a sentence for each established difference in the change of R@1."""
    columns = ("variant", "against", "change of R@1", "95 %", "change of mAP", "95 %", "R@1 itself", "95 %")
    seeds = [file.seed for file in next(iter(read.values()))]
    titles = _titles(read)
    sections = [
        Section(title, tuple((one.variant, one.reference, *_cells(one)) for one in contrasts if one.kind == kind))
        for kind, title in titles.items()
        if contrasts
    ]
    notes = (
        *common_notes(read),
        OWN_WEIGHT,
        "All are differences between the first and the second, in points. The change: below zero the first loses more. "
        "A variant that finds more has more to lose.",
        "R@1 itself: what is found with the change, above zero more by the first. Where a caption has become false, less is right.",
        interval_note(seeds),
        "The intervals are not corrected for the number of pairs, kinds and metrics.",
    )
    return Table(f"Differences in robustness on {dataset}", columns, 2, tuple(sections), notes, tuple(_findings(read, contrasts)))


def contrasts_csv(dataset: str, read: Read, contrasts: Sequence[Contrast]) -> str:
    """All metrics to four decimals: how much more each changes, and how much more it is, with the ends of their intervals."""
    columns = ["dataset", "kind", "variant", "reference", "seeds"]
    columns += [f"{metric}_{what}" for part in ("change", "score") for metric in METRICS for what in (part, f"{part}_low", f"{part}_high")]
    seeds, lines = str(len(next(iter(read.values())))), []
    for one in contrasts:
        numbers = [text for found in (one.change, one.score) for text in _numbers(found)]
        lines.append([dataset, one.kind, one.variant, one.reference, seeds, *numbers])
    return csv_text(columns, lines)


def _titles(read: Read) -> dict[str, str]:
    first = first_file(read)
    return {UNCHANGED: "nothing changed"} | {
        kind: titled(kind, found.strength) for kind, found in (first.captions | first.pictures).items()
    }


def _findings(read: Read, contrasts: Sequence[Contrast]) -> Iterator[str]:
    """A sentence for each difference that is established, and one for all others together."""
    titles, seeds = _titles(read), len(next(iter(read.values())))
    compared = [one for one in contrasts if one.change is not None]
    if not compared:
        return
    established = [one for one in compared if one.established]
    yield from (one.sentence(titles[one.kind], seeds) for one in established)
    yield (
        f"For all{' others' if established else ''} no difference in the loss of R@1 is established. {len(compared)} were looked at; "
        f"where nothing differs, about one interval in {CHANCE} leaves zero out by chance."
    )


def _numbers(found: Mapping[str, Difference] | None) -> list[str]:
    if found is None:
        return [""] * (3 * len(METRICS))
    return [number(value) for name in METRICS for value in (found[name].mean, *found[name].interval)]


def _cells(one: Contrast) -> list[str]:
    shown = ((one.change, "R1"), (one.change, "mAP"), (one.score, "R1"))
    return [cell for found, metric in shown for cell in (points(found[metric]) if found else ["", ""])]
