"""Whether each variant tells true captions from false ones made of the same words, and what its match head adds to that."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from cada.reporting.ablation import mean_and_deviation
from cada.reporting.bootstrap import Difference
from cada.reporting.formats import Section, Table, csv_text, points
from cada.reporting.measured import summarise
from cada.reporting.probes.files import (
    Probes,
    Read,
    changed_share,
    common_notes,
    first_file,
    number,
    numbers_of,
    own_interval_note,
    titled,
)
from cada.reporting.probes.outcomes import Outcomes, match_gain, wins

GAIN = "match less cosine"
# By kind and score, by variant: points over chance, and for GAIN points that the match head has more than the cosine.
Preferences = Mapping[tuple[str, str], Mapping[str, Difference | None]]


def measure_preferences(read: Read, outcomes: Outcomes) -> Preferences:
    """How much more often than by chance each variant prefers the true caption, by each score that some variant has, and the GAIN."""

    def measure(kind: str, score: str) -> dict[str, Difference | None]:
        return {name: match_gain(models, kind) if score == GAIN else wins(models, kind, score) for name, models in outcomes.items()}

    return {(kind, score): measure(kind, score) for kind, score in _compared(read)}


def composition_table(dataset: str, read: Read, measured: Preferences) -> Table:
    """How often a caption scores higher on its own picture than its false version, by the cosine and by the match score."""
    rows = {
        (kind, score): (titled(kind, None), score, changed_share(read, kind), *_cells(read, found, kind, score))
        for (kind, score), found in measured.items()
    }
    sections = (
        Section("The true caption wins, %", tuple(row for (_, score), row in rows.items() if score != GAIN)),
        Section(
            "How much more often by the match head than by the cosine, points",
            tuple(row for (_, score), row in rows.items() if score == GAIN),
        ),
    )
    notes = (
        *common_notes(read),
        "Per cent of the captions that score higher on their own picture than their false version does; chance is 50, a tie counts half.",
        "cosine: of the two [CLS] embeddings. match: the match head on the caption reading the picture; empty where a variant trains none.",
        own_interval_note(read, "a variant's share, or of its difference caption by caption"),
        "A false version with words that training never had may lose for that alone: a swap has the same words, a negation new ones.",
    )
    return Table(
        f"True captions against false ones on {dataset}",
        ("false version", "score", "captions", *(name for variant in read for name in (variant, "95 %"))),
        3,
        tuple(section for section in sections if section.rows),
        notes,
        tuple(f"{titled(kind, None)}, {score}: {said}." for (kind, score), found in measured.items() if (said := _said(found, score))),
    )


def composition_csv(dataset: str, read: Read, measured: Preferences) -> str:
    """The same numbers to four decimals."""
    lines = []
    for (kind, score), by_variant in measured.items():
        for variant, files in read.items():
            shares = _shares(files, kind, score)
            if shares:
                count = statistics.fmean(file.captions[kind].changed or 0 for file in files)
                found = by_variant[variant]
                ends = [number(end) for end in _ends(found, score)] if found else ["", ""]
                lines.append([dataset, kind, score, variant, str(len(files)), f"{count:g}", *numbers_of(summarise(shares)), *ends])
    columns = ["dataset", "false_version", "score", "variant", "seeds", "captions"]
    return csv_text(columns + [f"true_wins_{part}" for part in ("mean", "std", "low", "high")], lines)


def _compared(read: Read) -> list[tuple[str, str]]:
    """Kinds with a false version, and the scores that some variant has for them; with both also the GAIN."""
    compared = []
    for kind in first_file(read).captions:
        scores = {score for files in read.values() for file in files for score in file.captions[kind].true_wins or ()}
        compared += [(kind, score) for score in (*sorted(scores), *([GAIN] if len(scores) > 1 else []))]
    return compared


def _shares(files: Sequence[Probes], kind: str, score: str) -> list[float]:
    """One number for each file whose model has the score."""
    found = [file.captions[kind].true_wins or {} for file in files]
    if score == GAIN:
        return [wins["match"] - wins["cosine"] for wins in found if "match" in wins]
    return [wins[score] for wins in found if score in wins]


def _cells(read: Read, found: Mapping[str, Difference | None], kind: str, score: str) -> list[str]:
    cells = []
    for variant, files in read.items():
        shares, difference = _shares(files, kind, score), found[variant]
        if not difference:
            cells += [mean_and_deviation(summarise(shares)) if shares else "", ""]
        elif score == GAIN:
            cells += points(difference)
        else:
            cells += [mean_and_deviation(summarise(shares)), _interval(difference)]
    return cells


def _said(found: Mapping[str, Difference | None], score: str) -> str:
    """What the intervals say, in words, with the variants of the same verdict together; nothing where there are none."""
    verdicts: dict[str, list[str]] = {}
    for variant, difference in found.items():
        if difference:
            mean, ends = points(difference) if score == GAIN else (f"{50 + difference.shown()[0]:.1f} %", _interval(difference))
            verdicts.setdefault(_verdict(difference, score), []).append(f"{variant} ({mean}, 95 % interval {ends})")
    return "; ".join(f"{verdict}: {', '.join(variants)}" for verdict, variants in verdicts.items())


def _verdict(found: Difference, score: str) -> str:
    if score == GAIN:
        if not found.established:
            return "no difference is established"
        return f"the match head prefers the true caption {'more' if found.mean > 0 else 'less'} often than the same model's cosine"
    return f"the {'true' if found.mean > 0 else 'false'} caption is preferred" if found.established else "no preference is established"


def _interval(found: Difference) -> str:
    low, high = _ends(found, "")
    return f"{low:.1f} to {high:.1f}"


def _ends(found: Difference, score: str) -> tuple[float, ...]:
    """The ends of the interval: of the GAIN in points, else in per cent, of which there are none below 0 and above 100."""
    return found.interval if score == GAIN else tuple(min(max(50 + end, 0.0), 100.0) for end in found.interval)
