"""Whether each variant tells true captions from false ones made of the same words, and what its match head adds to that."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

import pandas as pd

from cada.reporting.probe_differences import match_gain, preference
from cada.reporting.results.probes import Outcomes, ProbedVariants, ProbesFile, first_file
from cada.reporting.statistics import Difference, established, mean_and_deviation
from cada.reporting.tables.cells import Record, frame, interval, parts_of, points, records_by, spread
from cada.reporting.tables.notes import interval_note
from cada.reporting.tables.probe_notes import change_title, changed_share, query_notes, seeds_of
from cada.reporting.tables.table import Finding, Section, Table, Tabulated

GAIN = "match less cosine"
CHANCE_SHARE = 50  # per cent
COMPOSITION_COLUMNS = (
    "dataset", "false_version", "score", "variant", "seeds", "captions", *parts_of(["true_wins"], ("mean", "std", "low", "high"))
)  # fmt: skip
HEADINGS = {False: "The true caption wins, %", True: "How much more often by the match head than by the cosine, points"}


def composition_table(dataset: str, probed: ProbedVariants, outcomes: Outcomes) -> Tabulated:
    """How often a caption scores higher on its own image than its false version, by the cosine and by the match score, in per cent.

    The GAIN is how much more often it does so by the match score, in points. Variants without a score have no row for it.
    """
    compared = _compared(probed)
    records = []
    for (kind, score), (variant, files) in itertools.product(compared, probed.items()):
        if shares := _shares(files, kind, score):
            models = outcomes[variant]
            difference = match_gain(models, kind) if score == GAIN else preference(models, kind, score)
            count = statistics.fmean(file.captions[kind].changed or 0 for file in files)
            numbers = (*mean_and_deviation(shares), *_ends(difference, score))
            record = (dataset, kind, score, variant, len(files), f"{count:g}", *numbers)
            records.append(dict(zip(COMPOSITION_COLUMNS, record, strict=True)))
    values = frame(records, COMPOSITION_COLUMNS)
    by_variant = {key: {one["variant"]: one for one in own} for key, own in records_by(values, "false_version", "score").items()}
    rows: dict[bool, list[tuple[str, ...]]] = {}
    for kind, score in compared:
        own = by_variant[kind, score]
        cells = [cell for variant in probed for cell in (_cells(own[variant]) if variant in own else ("", ""))]
        rows.setdefault(score == GAIN, []).append((change_title(kind, None), score, changed_share(probed, kind), *cells))
    table = Table(
        f"True captions against false ones on {dataset}",
        ("false version", "score", "captions", *(name for variant in probed for name in (variant, "95 %"))),
        3,
        tuple(Section(HEADINGS[gain], tuple(cells)) for gain, cells in rows.items()),
        (
            *query_notes(probed),
            "Per cent of the captions that score higher on their own image than their false version does; chance is 50, a tie counts half.",
            "cosine: of the two [CLS] embeddings. match: the match head on the caption attending to the image; empty where a variant has "
            "none.",
            interval_note(seeds_of(probed), of="the share of one variant, or of its difference caption by caption", paired=False),
            "A false version may lose only because its words are new to the model: a swap has the same words, a negation has new ones.",
        ),
        tuple(finding for own in by_variant.values() for finding in _findings(list(own.values()))),
    )
    return values, table


def _compared(probed: ProbedVariants) -> list[tuple[str, str]]:
    """Kinds with a false version, and the scores that some variant has for them; with both also the GAIN."""
    compared = []
    for kind in first_file(probed).captions:
        scores = {score for files in probed.values() for file in files for score in file.captions[kind].true_wins or ()}
        compared += [(kind, score) for score in (*sorted(scores), *([GAIN] if len(scores) > 1 else []))]
    return compared


def _shares(files: Sequence[ProbesFile], kind: str, score: str) -> list[float]:
    """One number for each file whose model has the score."""
    found = [file.captions[kind].true_wins or {} for file in files]
    if score == GAIN:
        return [wins["match"] - wins["cosine"] for wins in found if "match" in wins]
    return [wins[score] for wins in found if score in wins]


def _ends(found: Difference | None, score: str) -> tuple[float | None, float | None]:
    """The interval: of the GAIN in points, else in per cent, where nothing is below 0 or above 100."""
    if found is None:
        return None, None
    low, high = found.interval if score == GAIN else (min(max(CHANCE_SHARE + end, 0.0), 100.0) for end in found.interval)
    return low, high


def _cells(record: Record) -> Sequence[str]:
    if record["score"] == GAIN and not pd.isna(record["true_wins_low"]):
        return points(record, "true_wins_mean", "true_wins")
    return spread(record, "true_wins"), interval(record, "true_wins")


def _findings(records: Sequence[Record]) -> list[Finding]:
    """One finding of a kind and a score, with the variants of the same verdict together; none where nothing is known."""
    verdicts: dict[str, list[str]] = {}
    known = [record for record in records if not pd.isna(record["true_wins_low"])]
    for one in known:
        mean, ends = f"{one['true_wins_mean']:.1f} %", interval(one, "true_wins")
        if one["score"] == GAIN:
            mean, ends = points(one, "true_wins_mean", "true_wins")
        verdicts.setdefault(_verdict(one), []).append(f"{one['variant']} ({mean}, 95 % interval {ends})")
    text = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in verdicts.items())
    return [
        Finding(f"{change_title(one['false_version'], None)}, {one['score']}: {text}.", any(map(_established, known))) for one in known[:1]
    ]


def _established(record: Record) -> bool:
    chance = 0 if record["score"] == GAIN else CHANCE_SHARE
    return established(record["true_wins_low"] - chance, record["true_wins_high"] - chance)


def _verdict(record: Record) -> str:
    """What the interval says, in words."""
    if record["score"] == GAIN:
        if not _established(record):
            return "no difference is established"
        how = "more" if record["true_wins_mean"] > 0 else "less"
        return f"the match head prefers the true caption {how} often than the cosine of the same model"
    which = "true" if record["true_wins_mean"] > CHANCE_SHARE else "false"
    return f"the {which} caption is preferred" if _established(record) else "no preference is established"
