"""Which attributes of a drawn person each variant misses; the measures are those of `cada.analysis.probes.attributes`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cada.reporting.ablation import mean_and_deviation
from cada.reporting.formats import Section, Table, csv_text
from cada.reporting.measured import summarise
from cada.reporting.probes.files import Probes, Read, Recall, first_file, number, numbers_of

MISSED = 3  # slots that the notes name for each variant
ENOUGH = 30  # queries below which a note names no slot


def attributes_table(dataset: str, read: Read) -> Table:
    """A row for each attribute slot: recall with its interval and skill of each variant, beside chance; empty for a set not drawn."""
    if not first_file(read).attributes:
        return Table(f"Attributes on {dataset}", ("attribute", "queries", "chance"), 1, (), (_UNKNOWN,))
    slots = _slots(first_file(read))
    columns = ("attribute", "queries", "chance", *(name for variant in read for name in (f"{variant} recall", "95 %", f"{variant} skill")))
    rows = []
    for slot, first in slots.items():
        cells = []
        for files in read.values():
            found = [_slots(file)[slot] for file in files]
            skills = [item.skill for item in found if item.skill is not None]
            low, high = (statistics.fmean(side) for side in zip(*(item.interval for item in found), strict=True))
            cells += [mean_and_deviation(summarise([item.recall for item in found])), f"{low:.1f} to {high:.1f}"]
            cells.append(mean_and_deviation(summarise(skills)) if skills else "")
        rows.append((slot.replace("_", " "), str(first.queries), f"{first.chance:.1f}", *cells))
    missed = {variant: _missed(files) for variant, files in read.items()}
    notes = [*(f"{variant} misses most: {text}." for variant, text in missed.items() if text), *_NOTES]
    return Table(f"Attributes on {dataset}", columns, 1, (Section("First-ranked pictures, all test queries", tuple(rows)),), tuple(notes))


_UNKNOWN = "Only of drawn persons are all attributes known."
_NOTES = (
    "queries: whose caption states the attribute. recall: per cent of them whose first-ranked picture shows a person who has it so.",
    "95 % of the recall: bootstrap over persons; its ends are the means of the seeds' ends.",
    "chance: the recall of a picture drawn from the gallery. skill: (recall - chance) / (100 - chance), in per cent; 0 is chance.",
    f"Misses most: the {MISSED} lowest skills among attributes with {ENOUGH} queries or more.",
    "The person counts, not the picture: a backpack is there although a picture shows the front.",
)


def attributes_csv(dataset: str, read: Read) -> str:
    """The same numbers to four decimals, and the recall among queries whose first picture shows another person."""
    parts = ("recall", "chance", "skill", "recall_in_errors")
    lines = []
    for slot in _slots(first_file(read)):
        for variant, files in read.items():
            found = [_slots(file)[slot] for file in files]
            values = {part: [value for item in found if (value := getattr(item, part)) is not None] for part in parts}
            counts = [f"{statistics.fmean(getattr(item, name) for item in found):g}" for name in ("queries", "errors")]
            ends = [number(statistics.fmean(side)) for side in zip(*(item.interval for item in found), strict=True)]
            numbers = [text for part in parts for text in (numbers_of(summarise(values[part])) if values[part] else ["", ""])]
            lines.append([dataset, slot, variant, str(len(files)), *counts, *numbers, *ends])
    columns = ["dataset", "attribute", "variant", "seeds", "queries", "errors"]
    columns += [f"{part}_{what}" for part in parts for what in ("mean", "std")]
    return csv_text([*columns, "recall_low", "recall_high"], lines)


def _missed(files: Sequence[Probes]) -> str:
    """The slots with the lowest mean skill, such as "glasses (3), hat (12)"."""
    skills = {}
    for slot, found in _slots(files[0]).items():
        values = [skill for file in files if (skill := _slots(file)[slot].skill) is not None]
        if values and found.queries >= ENOUGH:
            skills[slot] = statistics.fmean(values)
    lowest = sorted(skills, key=lambda slot: skills[slot])[:MISSED]
    return ", ".join(f"{slot.replace('_', ' ')} (skill {skills[slot]:.0f})" for slot in lowest)


def _slots(file: Probes) -> dict[str, Recall]:
    return file.attributes or {}
