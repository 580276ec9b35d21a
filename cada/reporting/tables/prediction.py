"""Image regions to text attributes: what the region of a thing tells the attribute decoder of the phrase that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cada.reporting.association_measures import Tables, estimates, in_slots, ratio, small_slots
from cada.reporting.results.associations import Associated, first_of
from cada.reporting.tables.association_notes import UNKNOWN, decoder_notes, mean_note, pairs_note
from cada.reporting.tables.cells import MINUS, Record, difference_values, frame, parts_of, records_by
from cada.reporting.tables.correspondence import HEADINGS
from cada.reporting.tables.table import Section, Table, Tabulated

NATS = ("whole", "image", "region", "elsewhere", "local", "alone_image")
COLOURS = ("colour_whole", "colour_alone", "colour_other", "colour_without", "colour_nothing")
SHARES = {"local_share": "local", "alone_share": "alone_image"}  # of what the image tells
SHOWN = {
    "log-likelihood": "whole",
    "nats of the image": "image",
    "lost without the region": "region",
    "without another": "elsewhere",
    "local, %": "local_share",
    "region alone, %": "alone_share",
    "colour found, %": "colour_whole",
    "region alone": "colour_alone",
    "without the region": "colour_without",
}
WITH_INTERVAL = ("region", "local_share", "colour_alone")


def prediction_table(dataset: str, files: Associated, phrases: Mapping[str, Tables]) -> Tabulated:
    """What the image, the region alone, and all but the region tell of a masked phrase, in nats and in colours that are found."""
    first, records = first_of(files), []
    measures = (*NATS, *COLOURS, *SHARES)
    for size in HEADINGS if first.slots else ():
        for variant, own in phrases.items():
            tables = [table.dropna(subset=["area"]) for table in (in_slots(own, small_slots(first)) if size == "small" else own)]
            found = estimates(tables, [*NATS, *COLOURS])
            shares = {name: ratio(tables, part, "image") for name, part in SHARES.items()}
            record: dict[str, Any] = {"dataset": dataset, "phrases": size, "variant": variant, "count": len(tables[0])}
            for name, difference in ({name: found.get(name) for name in (*NATS, *COLOURS)} | shares).items():
                record |= difference_values(name, difference)
            records.append(record)
    values = frame(records, ["dataset", "phrases", "variant", "count", *measures, *parts_of(measures, ("low", "high"))])
    title = f"What regions tell on {dataset}"
    shown = ("variant", *(cell for title, name in SHOWN.items() for cell in ((title, "95 %") if name in WITH_INTERVAL else (title,))))
    if values.empty:
        return values, Table(title, shown, 1, (), (UNKNOWN,))
    sections = tuple(Section(HEADINGS[size], tuple(map(_row, own))) for size, own in records_by(values, "phrases").items())
    notes = (
        pairs_note(files),
        "The attribute decoder predicts a masked phrase. log-likelihood: of its words with the image, in nats. nats of the image: less "
        "that without any patch. lost without the region, without another: less that with the thing's patches taken out, and with as many "
        "others.",
        "local: what the region costs more than another one, of the image's nats; over 100 % where the rest misleads. region alone: what "
        "is left of them when all else is taken out. colour found: of phrases that name one colour, how often it is the likeliest.",
        "Patches are taken out before the image is encoded, and filled as training fills what it erases.",
        *decoder_notes(files),
        mean_note(files),
    )
    return values, Table(title, shown, 1, sections, notes)


def _row(one: Record) -> tuple[str, ...]:
    cells = [one["variant"]]
    for name in SHOWN.values():
        places = 2 if name in NATS else 0 if name in SHARES else 1
        cells.append("" if pd.isna(one[name]) else f"{one[name]:.{places}f}".replace("-", MINUS))
        if name in WITH_INTERVAL:
            low, high = one[f"{name}_low"], one[f"{name}_high"]
            cells.append("" if pd.isna(low) else f"{low:.{places}f} to {high:.{places}f}")
    return tuple(cells)
