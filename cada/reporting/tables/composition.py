"""Which of two images or sentences, one of them wrong in a detail, each variant prefers: by the kind of change, and by what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from cada.analysis.probes.names import GROUP
from cada.reporting.probe_differences import differences
from cada.reporting.results.choices import CHANCE, GAIN, Choices, groups, measures, own_score
from cada.reporting.statistics import established, mean_and_deviation
from cada.reporting.tables.cells import Record, by_value, frame, interval, parts_of, points, records_by, spread
from cada.reporting.tables.choice_words import DIFFERENCES, HEADINGS, choice_title, slots_in_words
from cada.reporting.tables.notes import interval_note, spread_over
from cada.reporting.tables.table import Finding, Section, Table, Tabulated

MORE = "the right one is preferred"
WEAKEST = 3  # slots that a note names for each variant and score
LABELS = ("dataset", *GROUP, "score", "variant", "seeds", "choices", "persons")
PARTS = ("mean", "std", "low", "high")


def composition_tables(dataset: str, choices: Choices, seeds: Sequence[int]) -> dict[str, Tabulated]:
    """`composition`: the share of right choices by kind of change; `composition_slots`: that of images by what differs."""
    values = composition_values(dataset, choices)
    whole, slots = values[values["slots"] == ""], values[values["slots"] != ""]
    of_images = records_by(slots[slots["chosen"].eq("image") & slots["score"].ne(GAIN)], "kind")
    columns = ("score", "choices", *(name for variant in choices for name in (variant, "95 %")))
    notes = (
        *choice_notes(values),
        f"{spread_over(seeds)}.",
        interval_note(seeds, of="the share of one variant, or of its difference choice by choice", paired=False),
    )
    few = "What differs in few of the choices has no row. The CSV file has the sentences too."
    by_kind = [
        Section(f"{HEADINGS[chosen]} Right choices, %", _rows(own, "kind", choices)) for chosen, own in records_by(whole, "chosen").items()
    ]
    by_slots = [
        Section(f"{DIFFERENCES[kind]}: right choices of images, %", _rows(own, "slots", choices)) for kind, own in of_images.items()
    ]
    title = f"Choices of one of two on {dataset}"
    return {
        "composition": (whole, Table(title, ("the wrong one", *columns), 3, tuple(by_kind), notes, tuple(_findings(whole)))),
        "composition_slots": (
            slots,
            Table(
                f"{title}, by what differs", ("what differs", *columns), 3, tuple(by_slots), (*_weakest(of_images, choices), few, *notes)
            ),
        ),
    }


def composition_values(dataset: str, choices: Choices) -> pd.DataFrame:
    """The share of right choices in per cent, or the GAIN in points, and its interval: of every group, variant and score."""
    records = []
    grouped = {variant: [groups(table) for table in tables] for variant, tables in choices.items()}
    for group in next(iter(grouped.values()))[0]:  # outside: the bootstrap draws the same persons for all variants
        for variant, by_seed in grouped.items():
            tables, scores = [own[group] for own in by_seed if group in own], measures(choices, variant)
            if len(tables) < len(by_seed):
                continue  # the published procedure reads fewer captions
            found = differences(tables, scores)
            for score in scores:
                mean, deviation = mean_and_deviation([table[score].mean() for table in tables])
                low, high = found[score].interval if found else (None, None)
                if score != GAIN and low is not None and high is not None:
                    low, high = max(low, 0.0), min(high, 100.0)
                labels = (dataset, *group, score, variant, len(tables), len(tables[0]), tables[0]["person"].nunique())
                numbers = zip(parts_of(["right"], PARTS), (mean, deviation, low, high), strict=True)
                records.append(dict(zip(LABELS, labels, strict=True)) | dict(numbers))
    return frame(records, [*LABELS, *parts_of(["right"], PARTS)])


def choice_notes(values: pd.DataFrame) -> list[str]:
    """What was compared, and by which scores."""
    drawn = values[values["chosen"] == "image"]
    about = ["Images are drawn again of drawn sets alone."]
    if len(drawn):
        about = [
            f"Images: {drawn['persons'].max()} test persons, one image of each, drawn again with one thing changed, all else the same to "
            "the pixel. The sentence states what was changed.",
            "Sentences: the image's and the look-alike's, where the latter is false of the image.",
            "A swap of colours has the same words: a bag of words is right for half of them.",
        ]
    return [
        *about,
        f"By chance {CHANCE:.0f} % are right; a tie counts half.",
        "cosine: of the two [CLS] embeddings. match: the match head on the sentence and the image; empty where a variant has none.",
        "Where every choice is right the interval has no width; with N choices up to 3 / N of all may still be wrong.",
        "A caption made false may lose only because its words are new to the model: a swap has the same words, a negation has new ones.",
    ]


def _rows(records: Sequence[Record], label: str, choices: Choices) -> tuple[tuple[str, ...], ...]:
    """A row for each kind, or for each of its slots, and score."""
    rows = []
    for name, score in dict.fromkeys((one[label], one["score"]) for one in records):
        own = {one["variant"]: one for one in records if (one[label], one["score"]) == (name, score)}
        cells = [cell for variant in choices for cell in (_cells(own[variant]) if variant in own else ("", ""))]
        counts = by_value({variant: str(one["choices"]) for variant, one in own.items()})
        rows.append((DIFFERENCES[name] if label == "kind" else slots_in_words(name), score, counts, *cells))
    return tuple(rows)


def _cells(record: Record) -> Sequence[str]:
    return points(record, "right_mean", "right") if record["score"] == GAIN else (spread(record, "right"), interval(record, "right"))


def _findings(values: pd.DataFrame) -> Iterator[Finding]:
    """Of each kind how the match head differs from the cosine, and what is not right more often than by chance."""
    for (chosen, kind, score), records in records_by(values[values["right_low"].notna()], "chosen", "kind", "score").items():
        verdicts: dict[str, list[str]] = {}
        for one in records:
            mean, ends = points(one, "right_mean", "right") if score == GAIN else (f"{one['right_mean']:.1f} %", interval(one, "right"))
            verdicts.setdefault(_verdict(one), []).append(f"{one['variant']} ({mean}, 95 % interval {ends})")
        if list(verdicts) != [MORE]:
            text = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in verdicts.items())
            yield Finding(f"{choice_title(chosen, kind)}, {score}: {text}.", any(map(_established, records)))


def _differs(record: Record) -> str:
    return f"{DIFFERENCES[record['kind']]}, {slots_in_words(record['slots'])}"


def _established(record: Record) -> bool:
    chance = 0 if record["score"] == GAIN else CHANCE
    return established(record["right_low"] - chance, record["right_high"] - chance)


def _verdict(record: Record) -> str:
    """What the interval says, in words."""
    if record["score"] == GAIN:
        how = "more" if record["right_mean"] > 0 else "less"
        sure = f"the match head is right {how} often than the cosine of the same model"
        return sure if _established(record) else "no difference is established"
    sure = MORE if record["right_mean"] > CHANCE else "the wrong one is preferred"
    return sure if _established(record) else "no preference is established"


def _weakest(of_images: Mapping[str, Sequence[Record]], choices: Choices) -> Iterator[str]:
    """For each variant, by the score that tells most, the WEAKEST shares of right choices, with their intervals."""
    for variant in choices:
        score = own_score(choices, variant)
        own = [one for records in of_images.values() for one in records if (one["variant"], one["score"]) == (variant, score)]
        lowest = sorted(own, key=lambda one: one["right_mean"])[:WEAKEST]
        named = (f"{_differs(one)} ({one['right_mean']:.0f} %, {interval(one, 'right')})" for one in lowest)
        if lowest:
            yield f"{variant}, {score}, is right least often for: {'; '.join(named)}."
