"""Text tokens to image patches: how well the maps of phrases point to what the phrases name, by attribution and by slot."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cada.analysis.association.names import SCORES
from cada.reporting.association_measures import Tables, estimates, estimates_between, in_slots, small_slots
from cada.reporting.results.associations import Associated, first_of
from cada.reporting.tables.association_notes import UNKNOWN, match_notes, mean_note, pairs_note
from cada.reporting.tables.cells import Record, difference_values, frame, interval, parts_of, records_by, signed
from cada.reporting.tables.table import Finding, Section, Table, Tabulated

BASELINES = {"anatomy": "mean region of the slot", "bound": "the region on this grid"}
HEADINGS = {"all": "All phrases", "small": "Phrases whose slot takes less than a quarter of the person"}
PARTS = ("mean", "low", "high")
TWICE = 2  # times the anatomy's lift: what is called far more than knowing where things are


def correspondence_table(dataset: str, files: Associated, phrases: Mapping[str, Tables]) -> Tabulated:
    """The scores of every map of every variant, of all phrases and of those of small slots, beside chance, anatomy and the grid's bound."""
    first, records = first_of(files), []
    if first.slots:
        for size in HEADINGS:
            tables = {name: in_slots(own, small_slots(first)) if size == "small" else own for name, own in phrases.items()}
            records += _records(dataset, size, first.attributions, tables)
    columns = ["dataset", "phrases", "map", "variant", "count", "area", *parts_of(SCORES, PARTS), "pointing_lift", "inside_lift"]
    values = frame(records, columns)
    title = f"Where phrases look on {dataset}"
    shown = ("map", "variant", "pointing", "95 %", "of chance", "best patch", "95 %", "inside", "of the area", "precision", "95 %")
    if values.empty:
        return values, Table(title, shown, 2, (), (UNKNOWN,))
    sections = tuple(Section(HEADINGS[size], tuple(_row(one) for one in own)) for size, own in records_by(values, "phrases").items())
    small = ", ".join(small_slots(first))
    notes = (
        pairs_note(files),
        "pointing: per cent of the pixels of the patch with the largest weight that are the thing's. best patch: how often it is "
        "the patch that the thing covers most. inside: per cent of the map that is on the thing. precision: average precision of its "
        "pixels in the order of their patches' weights.",
        "of chance, of the area: how many times the thing's share of the image, which is what a random map scores. "
        f"{BASELINES['anatomy']}: a map that knows where such things are on val persons, and not the image. "
        f"{BASELINES['bound']}: the thing itself, patch by patch: no map on this grid can score more.",
        "attention K: cross-attention of the match encoder's layer K. gradient: attention times the positive gradient of the match logit, "
        "mean over layers. removal: fall of the match score when a patch is taken out of the cross-attention of the phrase's tokens.",
        f"Slots under a quarter of the person: {small}.",
        *match_notes(files),
        mean_note(files),
    )
    return values, Table(title, shown, 2, sections, notes, tuple(_findings(values, first.attributions, phrases, small_slots(first))))


def _records(dataset: str, size: str, attributions: Sequence[str], tables: Mapping[str, Tables]) -> list[Record]:
    records: list[Record] = []
    for name in (*attributions, *BASELINES):
        for variant, own in tables.items() if name not in BASELINES else [("", next(iter(tables.values())))]:
            known = own[0].dropna(subset=["area"])
            found = estimates(own, [f"{name}_{score}" for score in SCORES])
            area = float(known["area"].mean())
            record: dict[str, Any] = {
                "dataset": dataset,
                "phrases": size,
                "map": name,
                "variant": variant,
                "count": len(known),
                "area": area,
            }
            for score in SCORES:
                numbers = difference_values("mean", found.get(f"{name}_{score}"))
                record |= dict(zip(parts_of([score], PARTS), numbers.values(), strict=True))
            lifts = {f"{score}_lift": record[f"{score}_mean"] / area for score in ("pointing", "inside") if found}
            records.append(record | lifts)
    return records


def _row(one: Record) -> tuple[str, ...]:
    if pd.isna(one["pointing_mean"]):
        return (_title(one["map"]), one["variant"], *[""] * 9)
    cells = (
        f"{one['pointing_mean']:.1f}",
        interval(one, "pointing"),
        f"{one['pointing_lift']:.1f}",
        f"{one['best_mean']:.1f}",
        interval(one, "best"),
    )
    more = (f"{one['inside_mean']:.1f}", f"{one['inside_lift']:.1f}", f"{one['precision_mean']:.1f}", interval(one, "precision"))
    return (_title(one["map"]), one["variant"], *cells, *more)


def _title(name: str) -> str:
    return BASELINES.get(name, name.replace("_", " "))


def _findings(values: pd.DataFrame, attributions: Sequence[str], phrases: Mapping[str, Tables], slots: Sequence[str]) -> list[Finding]:
    """For each variant what its best attribution reaches on small slots, beside anatomy and the grid's bound."""
    small = values[(values["phrases"] == "small") & values["pointing_mean"].notna()]
    if small.empty:
        return []
    anatomy, bound = (float(small[small["map"] == name]["pointing_mean"].iloc[0]) for name in BASELINES)
    easiest = float(small[small["map"] == "anatomy"]["best_mean"].iloc[0])
    found = []
    for variant, tables in phrases.items():
        own = small[(small["variant"] == variant) & small["map"].isin(attributions)]
        top = max(own.to_dict("records"), key=lambda one: one["pointing_mean"])
        best, mean = top["map"], top["pointing_mean"]
        rows = [table.assign(gain=table[f"{best}_pointing"] - table["anatomy_pointing"]) for table in in_slots(tables, slots)]
        gain = estimates(rows, ["gain"])["gain"]
        ends = " to ".join(signed(end, plus=True) for end in gain.interval)
        text = (
            f"{variant}, {_title(best)}: on slots under a quarter of the person {mean:.1f} % of what the map points at is right, "
            f"{top['pointing_lift']:.0f} times chance and {mean / anatomy:.2f} times what the mean region reaches, {anatomy:.1f}; the "
            f"difference, {signed(gain.mean, plus=True)} points (95 % interval {ends}), is "
            f"{100 * (mean - anatomy) / (bound - anatomy):.0f} % of what is possible: this grid allows {bound:.1f}. The "
            f"highest patch is the best one for {top['best_mean']:.1f} % of the phrases, with the mean region for {easiest:.1f} %."
        )
        found.append(Finding(text, gain.established))
    if TWICE * anatomy > bound:
        ratio = f"{bound / anatomy:.2f} times {anatomy:.1f}"
        found.append(Finding(f"{TWICE} times the mean region is more than this grid allows: {bound:.1f} is {ratio}.", established=False))
    return found


def slots_table(dataset: str, files: Associated, phrases: Mapping[str, Tables]) -> Tabulated:
    """The pointing accuracy of each slot, by the attribution that the directions are compared by, beside chance, anatomy and the bound."""
    first, records = first_of(files), []
    name = f"{first.attribution}_pointing"
    tables = {variant: [table.dropna(subset=["area"]) for table in own] for variant, own in phrases.items()}
    for slot, share in first.slots.items():
        shown = {variant: in_slots(own, [slot]) for variant, own in tables.items()}
        base = next(iter(shown.values()))[0]
        if base.empty:
            continue
        record: dict[str, Any] = {"dataset": dataset, "slot": slot, "share": 100 * share, "count": len(base)}
        record |= {key: float(base[column].mean()) for key, column in _BASE.items()}
        for variant, own in shown.items():
            record[f"{variant}_pointing"] = statistics.fmean(float(table[name].mean()) for table in own)
            gain = estimates_between(own, [table.assign(**{name: table["anatomy_pointing"]}) for table in own], [name]).get(name)
            record |= difference_values(f"{variant}_gain", gain)
        records.append(record)
    gains = [f"{variant}_gain" for variant in phrases]
    columns = ["dataset", "slot", "share", "count", *_BASE, *(f"{variant}_pointing" for variant in phrases)]
    values = frame(records, [*columns, *gains, *parts_of(gains, ("low", "high"))])
    title = f"Where phrases look on {dataset}, by slot"
    shown_columns = (
        "slot",
        "of the person",
        "phrases",
        "chance",
        "mean region",
        "grid",
        *(cell for name in phrases for cell in (name, "95 % of the gain")),
    )
    if values.empty:
        return values, Table(title, shown_columns, 1, (), (UNKNOWN,))
    rows = tuple(_slot_row(one, list(phrases)) for one in values.to_dict("records"))
    notes = (
        pairs_note(files),
        "Per cent of the pixels of the patch with the largest weight that are the thing's. of the person: the slot's mean share of the "
        "person's pixels, where it is seen. gain: over the mean region, a map that knows where such things are and not the image.",
        mean_note(files),
    )
    heading = f"Pointing accuracy, {_title(first.attribution)}"
    return values, Table(title, shown_columns, 1, (Section(heading, rows),), notes)


_BASE = {"chance": "area", "anatomy": "anatomy_pointing", "bound": "bound_pointing"}


def _slot_row(one: Record, variants: Sequence[str]) -> tuple[str, ...]:
    cells = []
    for variant in variants:
        low, high = one[f"{variant}_gain_low"], one[f"{variant}_gain_high"]
        cells += [f"{one[f'{variant}_pointing']:.1f}", "" if pd.isna(low) else f"{signed(low, plus=True)} to {signed(high, plus=True)}"]
    return (one["slot"], f"{one['share']:.0f} %", str(one["count"]), *(f"{one[name]:.1f}" for name in _BASE), *cells)
