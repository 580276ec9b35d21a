"""Which attributes of a drawn person each variant misses; the measures are those of `cada.analysis.probes.attributes`."""

from __future__ import annotations

import statistics
from typing import Any

import pandas as pd

from cada.reporting.results.probes import ProbedVariants, first_file
from cada.reporting.statistics import mean_and_deviation
from cada.reporting.tables.cells import frame, interval, parts_of, records_by, spread
from cada.reporting.tables.table import Section, Table, Tabulated

MISSED = 3  # slots that the notes name for each variant
ENOUGH = 30  # queries below which a note names no slot
MEASURES = ("recall", "chance", "skill", "recall_in_errors")


def attributes_table(dataset: str, probed: ProbedVariants) -> Tabulated:
    """Each measure over the seeds, and the interval of the recall, of every attribute slot and variant; empty for a set not drawn."""
    records = []
    for slot in first_file(probed).attributes:
        for variant, files in probed.items():
            found = [file.attributes[slot] for file in files]
            low, high = (statistics.fmean(ends) for ends in zip(*(item.interval for item in found), strict=True))
            record: dict[str, Any] = {"dataset": dataset, "attribute": slot, "variant": variant, "seeds": len(files)}
            record |= {name: f"{statistics.fmean(getattr(item, name) for item in found):g}" for name in ("queries", "errors")}
            record |= {"recall_low": low, "recall_high": high}
            for measure in MEASURES:
                known = [value for item in found if (value := getattr(item, measure)) is not None]
                record[f"{measure}_mean"], record[f"{measure}_std"] = mean_and_deviation(known) if known else (None, None)
            records.append(record)
    labels = ("dataset", "attribute", "variant", "seeds", "queries", "errors")
    values = frame(records, [*labels, *parts_of(MEASURES, ("mean", "std")), "recall_low", "recall_high"])
    title = f"Attributes on {dataset}"
    if values.empty:
        return values, Table(title, ("attribute", "queries", "chance"), 1, (), ("All attributes are known of drawn persons only.",))
    rows = []
    for slot, own in records_by(values, "attribute").items():
        first = first_file(probed).attributes[slot]
        shown = [(spread(record, "recall"), interval(record, "recall"), spread(record, "skill")) for record in own]
        rows.append((_in_words(slot), str(first.queries), f"{first.chance:.1f}", *(cell for cells in shown for cell in cells)))
    missed = {variant: _missed(values, variant, probed) for variant in probed}
    notes = (
        *(f"{variant} misses most: {text}." for variant, text in missed.items() if text),
        "queries: those whose caption states the attribute. recall: per cent of them whose first image shows a person that has it so.",
        "95 % of the recall: bootstrap over persons; its ends are the means of the ends of the seeds.",
        "chance: the recall of a random image of the gallery. skill: (recall - chance) / (100 - chance), in per cent; 0 is chance.",
        f"Misses most: the {MISSED} lowest skills among attributes with {ENOUGH} queries or more.",
        "The person counts, not the image: a backpack counts as there even if the image shows the front.",
    )
    columns = (
        "attribute",
        "queries",
        "chance",
        *(name for variant in probed for name in (f"{variant} recall", "95 %", f"{variant} skill")),
    )
    return values, Table(title, columns, 1, (Section("First-ranked images, all test queries", tuple(rows)),), notes)


def _missed(values: pd.DataFrame, variant: str, probed: ProbedVariants) -> str:
    """The slots with the lowest mean skill, such as "glasses (skill 3), hat (skill 12)"."""
    own = values[(values["variant"] == variant) & values["skill_mean"].notna()]
    enough = [probed[variant][0].attributes[slot].queries >= ENOUGH for slot in own["attribute"]]
    lowest = own[enough].sort_values("skill_mean", kind="stable").head(MISSED)
    return ", ".join(
        f"{_in_words(slot)} (skill {skill:.0f})" for slot, skill in zip(lowest["attribute"], lowest["skill_mean"], strict=True)
    )


def _in_words(slot: str) -> str:
    return slot.replace("_", " ")
