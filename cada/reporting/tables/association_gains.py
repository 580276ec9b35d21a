"""Whether one variant associates better than another, and whether models that associate better find more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from cada.reporting.association_measures import Tables, estimates_between, in_slots, small_slots
from cada.reporting.results.associations import Associated, first_of
from cada.reporting.results.metrics import MeasuredVariant
from cada.reporting.statistics import LEVEL, established
from cada.reporting.tables.association_notes import decoder_notes, match_notes, pairs_note, seeds_of
from cada.reporting.tables.cells import MINUS, Record, counted, difference_values, frame, parts_of, points, records_by
from cada.reporting.tables.notes import NOT_CORRECTED, interval_note
from cada.reporting.tables.table import Finding, Section, Table, Tabulated

FEWEST = 4  # models that a correlation has an interval for
PLAIN = {
    "whole": "log-likelihood of masked phrases",
    "image": "nats of the image",
    "local": "nats that are local",
    "colour_alone": "colours found in the region alone",
    "agreement": "rank agreement",
    "mutual": "phrases and regions that choose each other",
}
SMALL = "small"
UNITS = {"whole": "nats", "image": "nats", "local": "nats", "agreement": "of 1"}  # of others: points


def compared(files: Associated) -> dict[tuple[str, str], str]:
    """What is compared, by its phrases (all, small) and its measure, in words."""
    first = first_of(files)
    known = {("all", name): title for name, title in PLAIN.items() if first.slots or name in ("whole", "image", "agreement", "mutual")}
    if not first.slots:
        return known
    maps = {(SMALL, f"{name}_pointing"): f"pointing on small slots, {name.replace('_', ' ')}" for name in first.attributions}
    return maps | {("all", f"{first.attribution}_precision"): f"average precision, {first.attribution}"} | known


def gains_table(dataset: str, files: Associated, phrases: Mapping[str, Tables], pairs: Sequence[tuple[str, str]]) -> Tabulated:
    """How much more of each measure each variant has than its reference, phrase by phrase; a finding for each established difference."""
    titles, records = compared(files), []
    for (size, measure), title in titles.items():
        for variant, reference in pairs:
            ours, theirs = (_of_size(phrases[name], files, size) for name in (variant, reference))
            found = estimates_between(ours, theirs, [measure]).get(measure)
            record: dict[str, Any] = {"dataset": dataset, "phrases": size, "measure": measure, "title": title}
            record |= {"variant": variant, "reference": reference}
            records.append(record | difference_values("difference", found))
    names = ["dataset", "phrases", "measure", "title", "variant", "reference"]
    values = frame(records, [*names, "difference", "difference_low", "difference_high"])
    sections = []
    for title, own in records_by(values, "title").items():
        rows = tuple((one["variant"], one["reference"], *_cells(one)) for one in own)
        sections.append(Section(f"{title[0].upper()}{title[1:]}, {UNITS.get(own[0]['measure'], 'points')}", rows))
    notes = (
        pairs_note(files),
        *match_notes(files),
        *decoder_notes(files),
        NOT_CORRECTED,
    )
    return values, Table(
        f"Differences in association on {dataset}",
        ("variant", "against", "difference", "95 %"),
        2,
        tuple(sections),
        notes,
        tuple(gain_findings(values, len(seeds_of(files)))),
        (interval_note(seeds_of(files)),),
    )


def gain_findings(values: pd.DataFrame, seeds: int) -> list[Finding]:
    """A finding for each established difference, and one for all others together."""
    tested = values[values["difference"].notna()].to_dict("records")
    found = []
    for one in tested:
        mean, low, high = one["difference"], one["difference_low"], one["difference_high"]
        if established(low, high):
            ends = " to ".join(f"{end:.{_places(one)}f}" for end in sorted((abs(low), abs(high))))
            unit = UNITS.get(one["measure"], "points")
            more = f"{abs(mean):.{_places(one)}f} {unit} {'more' if mean > 0 else 'less'}"
            text = f"{one['title']}: {one['variant']} has {more} than {one['reference']}, 95 % interval {ends}, {counted(seeds, 'seed')}."
            found.append(Finding(text, established=True))
    if tested:
        text = f"For {'all others' if found else 'all'} no difference is established. {len(tested)} were tested."
        found.append(Finding(text, established=False))
    return found


def _cells(one: Record) -> list[str]:
    if one["measure"] not in UNITS or pd.isna(one["difference"]):
        return points(one, "difference")
    mean, low, high = (f"{one[name]:+.2f}".replace("-", MINUS) for name in ("difference", "difference_low", "difference_high"))
    return [mean, f"{low} to {high}"]


def _places(one: Record) -> int:
    return 2 if one["measure"] in UNITS else 1


def _of_size(tables: Tables, files: Associated, size: str) -> Tables:
    return in_slots(tables, small_slots(first_of(files))) if size == SMALL else tables


def correlation_table(dataset: str, files: Associated, phrases: Mapping[str, Tables], results: Sequence[MeasuredVariant]) -> Tabulated:
    """Pearson's correlation of each measure of a model with its R@1, over all variants and seeds, and over seeds within variants."""
    recall = {
        "headline": {variant.name: [file.scores[file.headline].R1 for file in variant.files] for variant in results},
        "cosine": {variant.name: [file.scores["cosine"].R1 for file in variant.files] for variant in results},
    }
    records: list[dict[str, Any]] = []
    for (size, measure), title in compared(files).items():
        means = {name: [float(table[measure].mean()) for table in _of_size(own, files, size)] for name, own in phrases.items()}
        models = sum(map(len, means.values()))
        record: dict[str, Any] = {"dataset": dataset, "phrases": size, "measure": measure, "title": title, "models": models}
        for score, found in recall.items():
            one, other = (np.concatenate([own[name] for name in means]) for own in (means, found))
            record |= correlation(score, one, other)
            one, other = (np.concatenate([np.array(own[name]) - np.mean(own[name]) for name in means]) for own in (means, found))
            record |= correlation(f"{score}_within", one, other, less=len(means))
        records.append(record)
    scores = [f"{score}{within}" for score in recall for within in ("", "_within")]
    values = frame(records, ["dataset", "phrases", "measure", "title", "models", *parts_of(scores, ("r", "low", "high"))])
    rows = tuple((one["title"], *(cell for name in scores for cell in _correlated(one, name))) for one in values.to_dict("records"))
    columns = ("measure", *(cell for head in ("R@1", "cosine's R@1") for cell in (head, "95 %", "within variants", "95 %")))
    notes = (
        f"Pearson's r over {records[0]['models']} models (variants and seeds) with R@1 by the score that each is judged by, and by the "
        "cosine. within variants: over seeds, each variant's mean taken off.",
        "95 %: Fisher's interval, as if models were independent; those of one variant are not. Between variants one cause, such as a head "
        "that is trained or not, moves both.",
    )
    section = Section("Correlation over models", rows)
    return values, Table(f"Association and R@1 on {dataset}", columns, 1, (section,), notes, tuple(_correlation_findings(records)))


def _correlation_findings(records: Sequence[Record]) -> Iterator[Finding]:
    """A finding for each established correlation with R@1, and one for all others together."""
    tested = [one for one in records if one["headline_r"] is not None]
    established_ones = [one for one in tested if established(one["headline_low"], one["headline_high"])]
    for one in established_ones:
        r, low, high = (_r(one[f"headline_{part}"]) for part in ("r", "low", "high"))
        yield Finding(f"{one['title']} goes with R@1: r = {r}, 95 % interval {low} to {high}.", established=True)
    if tested:
        others = "other of the" if established_ones else "of the"
        yield Finding(f"For no {others} {len(tested)} measures a correlation with R@1 is established.", established=False)


def correlation(name: str, one: np.ndarray, other: np.ndarray, *, less: int = 0) -> dict[str, float | None]:
    """Pearson's <name>_r with the ends of Fisher's interval, of numbers of which `less` means were taken off; None for too few."""
    count = len(one) - less
    if count < FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return dict.fromkeys(parts_of([name], ("r", "low", "high")))
    r = float(np.clip(np.corrcoef(one, other)[0, 1], -1, 1))
    reach = norm.ppf((1 + LEVEL) / 2) / math.sqrt(count - 3)
    ends = [math.tanh(math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12)) + side * reach) for side in (-1, 1)]
    return {f"{name}_r": r, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def _correlated(one: Record, name: str) -> tuple[str, str]:
    if pd.isna(one[f"{name}_r"]):
        return "", ""
    return _r(one[f"{name}_r"]), f"{_r(one[f'{name}_low'])} to {_r(one[f'{name}_high'])}"


def _r(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)
