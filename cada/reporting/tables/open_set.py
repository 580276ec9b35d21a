"""Searches for persons who are not in the gallery: what thresholds that val sets let through on test, and how sure a hit is."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from cada.reporting.results.metrics import MeasuredVariant
from cada.reporting.results.open_set import OpenSet
from cada.reporting.statistics import mean_and_deviation
from cada.reporting.tables.cells import Record, by_value, frame, interval, parts_of, spread
from cada.reporting.tables.notes import choice_notes, seeds_note
from cada.reporting.tables.table import Section, Table, Tabulated
from cada.retrieval.openset import RATES, RESOLVED

Measured = Mapping[str, Sequence[OpenSet]]  # by variant, one for each seed
KINDS = {
    "TPIR": "Mated searches with the right person first and above the threshold (TPIR, %), by the stated FPIR",
    "FPIR": "Non-mated searches above the same threshold (FPIR, %), by the stated FPIR",
}
COLUMNS = [f"{kind}{rate}" for kind in KINDS for rate in RATES]
NOTHING_MEASURED = "In no listed variant another split than test could set thresholds: there is nothing to show."


def open_sets(variants: Sequence[MeasuredVariant]) -> dict[str, list[OpenSet]]:
    """What was measured of each variant whose thresholds a val split of its own sets."""
    found = {variant.name: [file.open_set for file in variant.files if file.open_set] for variant in variants}
    return {name: seeds for name, seeds in found.items() if seeds}


def open_set_table(dataset: str, variants: Sequence[MeasuredVariant]) -> Tabulated:
    """A row for each variant: TPIR and FPIR at the thresholds for each stated FPIR, and the ECE, each with its interval."""
    measured = open_sets(variants)
    records = [
        {"dataset": dataset, "variant": one.name, "title": one.title, "score": one.files[0].headline, **_summary(measured[one.name])}
        for one in variants
        if one.name in measured
    ]
    labels = ("dataset", "variant", "title", "score", "seeds", "gallery", "val_gallery", "growth", "predicted", "observed")
    values = frame(records, [*labels, *parts_of([*COLUMNS, "ECE"], ("mean", "std", "low", "high"))])
    return values, _table(dataset, values, variants, measured)


def _summary(seeds: Sequence[OpenSet]) -> dict[str, Any]:
    """<name>_{mean,std,low,high} over the seeds, where all have a threshold; an interval's ends are the means of the ends of the seeds."""
    summary: dict[str, Any] = {"seeds": len(seeds), "gallery": seeds[0].gallery, "val_gallery": seeds[0].val.gallery}
    summary |= {name: statistics.fmean(getattr(found, name) for found in seeds) for name in ("predicted", "observed")}
    summary["growth"] = statistics.fmean(found.val.growth for found in seeds)
    measured = {"ECE": [(found.ECE, *found.ECE_interval) for found in seeds]}
    for rate in RATES:
        known = [at for found in seeds if (at := found.rates[rate])]
        if len(known) == len(seeds):
            measured |= {f"{kind}{rate}": [(getattr(at.scores, kind), *getattr(at.intervals, kind)) for at in known] for kind in KINDS}
    for name, of_seeds in measured.items():
        means, lows, highs = zip(*of_seeds, strict=True)
        parts = (*mean_and_deviation(means), statistics.fmean(lows), statistics.fmean(highs))
        summary |= dict(zip(parts_of([name], ("mean", "std", "low", "high")), parts, strict=True))
    return summary


def _table(dataset: str, values: pd.DataFrame, variants: Sequence[MeasuredVariant], measured: Measured) -> Table:
    records = values.to_dict("records")
    told = [rate for rate in RATES if not values[f"TPIR{rate}_mean"].isna().all()]
    columns = ("variant", "score", *(column for rate in told for column in (f"{rate} %", "95 %")))
    sections = tuple(Section(heading, tuple(_row(one, kind, told) for one in records)) for kind, heading in KINDS.items() if told)
    notes = list(_notes(records, variants, measured, told)) if measured else [NOTHING_MEASURED]
    return Table(f"Persons who are not there, {dataset}", columns, 2, sections, tuple(notes))


def _row(record: Record, kind: str, rates: Sequence[int]) -> tuple[str, ...]:
    names = [f"{kind}{rate}" for rate in rates]
    return (record["variant"], record["score"], *(cell for name in names for cell in (spread(record, name), interval(record, name))))


def _notes(records: Sequence[Record], variants: Sequence[MeasuredVariant], measured: Measured, told: Sequence[int]) -> Iterator[str]:
    yield (
        "Mated: the person is in the gallery. Non-mated: the same query, without any image of its person. A search's score is that of its "
        "first hit."
    )
    for one in records:
        if told and not pd.isna(one[f"TPIR{told[-1]}_mean"]):
            yield (
                f"{one['variant']}: of 100 searches for a person who is there, {one[f'TPIR{told[-1]}_mean']:.0f} find the person first and "
                f"above the threshold; of 100 for a person who is not, {one[f'FPIR{told[-1]}_mean']:.0f} find somebody above it "
                f"(stated: {told[-1]})."
            )
    cases = [(one[f"FPIR{rate}_low"], rate, one[f"FPIR{rate}_high"]) for one in records for rate in told]
    held = [low <= rate <= high for low, rate, high in cases if not pd.isna(low)]
    if held:
        yield f"The 95 % interval of the measured FPIR holds the stated one in {sum(held)} of {len(held)} cases."
    for rate in RATES:
        missing = [one["variant"] for one in records if pd.isna(one[f"TPIR{rate}_mean"])]
        if missing:
            yield f"No threshold for {rate} %: in val fewer than {RESOLVED} non-mated searches would be above it ({', '.join(missing)})."
    searches = by_value({name: str(len(seeds[0].val.nonmated)) for name, seeds in measured.items()})
    growth = "; ".join(f"{one['variant']} {one['growth']:.2f}" for one in records)
    yield (
        f"Thresholds: from {searches} non-mated searches of val in {records[0]['val_gallery']} images, for test's {records[0]['gallery']} "
        "images. A larger gallery has more false positives. How their number grows from half of val's gallery to all of it, as a power "
        f"of the size, is continued to test's. 0: not at all; 1: as if images were independent; {growth}."
    )
    yield (
        "How sure a hit is: val gives a curve from a first hit's score to the probability that it is of the described person, if every "
        "second person is not there. Its expected calibration error on test, in points, and how many of 100 first hits it said were right "
        f"and how many were: {'; '.join(map(_calibration, records))}."
    )
    yield (
        "95 %: bootstrap over test's persons, thresholds and curve given: another val would give others. Its ends are the means of the "
        "ends of the seeds."
    )
    yield seeds_note(variants)
    yield from choice_notes(variants)


def _calibration(record: Record) -> str:
    error = f"{spread(record, 'ECE')} (95 % {interval(record, 'ECE')})"
    return f"{record['variant']} {error}, {record['predicted']:.0f} said, {record['observed']:.0f} right"
