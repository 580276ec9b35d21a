"""The ablation: one row per variant and score, on the full gallery and on its fixed parts, with chance and the oracles below."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cada.reporting.formats import Section, Table, by_value, csv_text, signed
from cada.reporting.histories import ChosenOnTest
from cada.reporting.measured import LABEL, METRICS, Gallery, Row, Summary, Variant, rows, summarise

GALLERIES: tuple[Gallery, ...] = ("all", "parts")
ORACLES = {"chance": "chance", "bag_of_words": "bag of words", "binding": "binding"}
INTERVALS = ("R1", "mAP")  # shown beside their metric; the CSV file has all of them
Oracles = Mapping[str, Mapping[str, float]]
Chosen = Mapping[str, Sequence[ChosenOnTest]]  # by variant, one a seed; variants that did not watch test are absent


def ablation_table(dataset: str, variants: Sequence[Variant], oracles: Oracles, chosen: Chosen, differences: Sequence[str]) -> Table:
    """The table as a reader sees it.

    oracles: gallery ("all", "parts") -> oracle -> R@1, as the manifest has them. chosen: what test would have chosen.
    differences: what is to be said of the variants in pairs.
    """
    columns = ["variant", "score"]
    for name in METRICS:
        columns += [LABEL[name], "95 %"] if name in INTERVALS else [LABEL[name]]
    sections = []
    for gallery in GALLERIES:
        measured = [row for variant in variants for row in rows(variant, gallery)]
        if measured:
            known = oracle_scores(oracles, gallery)
            guessed = [(name, "oracle", f"{score:.1f}", *[""] * (len(columns) - 3)) for name, score in known.items()]
            sections.append(Section(_heading(gallery, variants), (*(_cells(row) for row in measured), *guessed)))
    if chosen:
        sections.append(Section(_chosen_heading(chosen), tuple(_chosen_cells(*line) for line in _chosen_rows(variants, chosen))))
    return Table(f"Ablation on {dataset}", tuple(columns), 2, tuple(sections), tuple(_notes(variants, oracles, chosen, differences)))


def ablation_csv(dataset: str, variants: Sequence[Variant], oracles: Oracles, chosen: Chosen) -> str:
    """All numbers of the table to four decimals, and all intervals; empty where there is none."""
    columns = ["dataset", "gallery", "kind", "variant", "title", "score", "headline", "seeds"]
    columns += [f"{name}_{part}" for name in METRICS for part in ("mean", "std", "low", "high")]
    lines = []
    named = {variant.name: variant for variant in variants}

    def measured_line(gallery: str, row: Row) -> list[str]:
        variant = named[row.variant]
        labels = [variant.name, variant.title, row.fusion, str(int(row.headline)), str(len(variant.files))]
        return [dataset, gallery, "measured", *labels, *(number for name in METRICS for number in _numbers(row.summaries[name]))]

    for gallery in GALLERIES:
        measured = [row for variant in variants for row in rows(variant, gallery)]
        lines += [measured_line(gallery, row) for row in measured]
        for name, score in oracle_scores(oracles, gallery).items() if measured else ():
            blank = [""] * (len(columns) - 9)
            lines.append([dataset, gallery, "oracle", name, "", "", "", "", f"{score:.4f}", *blank])
    lines += [measured_line(f"{split}-chosen", row) for split, row in _chosen_rows(variants, chosen)]
    return csv_text(columns, lines)


def oracle_scores(oracles: Oracles, gallery: str) -> dict[str, float]:
    """R@1 of chance and of the oracles on a gallery, by their printed names; empty where the data set has none."""
    return {ORACLES[name]: oracles[gallery][name] for name in ORACLES if name in oracles.get(gallery, {})}


def mean_and_deviation(summary: Summary) -> str:
    """46.1 ± 0.8, or the mean alone for one seed."""
    return f"{summary.mean:.1f}" + (f" ± {summary.deviation:.1f}" if summary.deviation is not None else "")


def seeds_note(variants: Sequence[Variant]) -> str:
    """What ± stands for, and what it leaves out."""
    seeds = [file.seed for file in variants[0].files]
    shared = "All variants and seeds start from the same weights"
    if len(seeds) == 1:
        return f"One seed ({seeds[0]}), so no standard deviation. {shared}."
    listed = ", ".join(map(str, seeds))
    return f"Mean ± standard deviation (n - 1) over {len(seeds)} seeds ({listed}). {shared}, so ± does not cover another pre-training."


def choice_notes(variants: Sequence[Variant]) -> list[str]:
    """Which split chose the checkpoints, and where a set without a val split has its val from."""
    notes = []
    for key, value, text in (
        ("selection", "val", "Val chose the checkpoint and the weight w; test chose nothing"),
        ("selection", "test", "Test chose the checkpoint, as in the published code"),
        ("val", "held_out", "The set has no val split: val is train persons held out by a fixed rule, and they were not trained on"),
        ("val", "test", "The set has no val split, and val is test, as in the published code: what val chose, test chose"),
    ):
        names = [variant.name for variant in variants if getattr(variant.files[0], key) == value]
        if names:
            notes.append(f"{text} ({', '.join(names)}).")
    return notes


def _cells(row: Row) -> tuple[str, ...]:
    cells = [row.variant, row.fusion + (" *" if row.headline else "")]
    for name in METRICS:
        summary = row.summaries[name]
        cells.append(mean_and_deviation(summary))
        if name in INTERVALS:
            cells.append(f"{summary.interval[0]:.1f} to {summary.interval[1]:.1f}" if summary.interval else "")
    return tuple(cells)


def _numbers(summary: Summary) -> list[str]:
    values: tuple[Any, ...] = (summary.mean, summary.deviation, *(summary.interval or (None, None)))
    return ["" if value is None else f"{value:.4f}" for value in values]


def _heading(gallery: Gallery, variants: Sequence[Variant]) -> str:
    file = variants[0].files[0]
    if gallery == "all":
        return f"Full test gallery: {file.persons} persons, {file.gallery} pictures"
    return f"Means over {file.part_count} fixed galleries of {file.persons / file.part_count:g} persons, each with its own queries"


def _chosen_heading(chosen: Chosen) -> str:
    asked = {name: "all" if seeds[0].queries is None else str(seeds[0].queries) for name, seeds in chosen.items()}
    return f"Chosen on test, as in the paper's code, beside chosen on val (full gallery; queries: {by_value(asked)}; optimistic)"


def _chosen_rows(variants: Sequence[Variant], chosen: Chosen) -> list[tuple[str, Row]]:
    """The headline score of the checkpoint that val chose, where it did, and of the one that test would have chosen."""
    found = []
    for variant in variants:
        if variant.name in chosen:
            splits = {"test": [one.scores for one in chosen[variant.name]]}
            if variant.files[0].selection == "val":
                splits = {"val": [one.kept for one in chosen[variant.name]]} | splits
            for split, scores in splits.items():
                summaries = {name: summarise([own[name] for own in scores]) for name in METRICS}
                found.append((split, Row(variant.name, variant.files[0].headline, headline=False, summaries=summaries)))
    return found


def _chosen_cells(split: str, row: Row) -> tuple[str, ...]:
    name, score, *numbers = _cells(row)
    return name, f"{score}, {split}", *numbers


def _chosen_note(variants: Sequence[Variant], chosen: Chosen) -> list[str]:
    """How much choosing on test adds to the variants that val chose for."""
    judged = {variant.name: chosen[variant.name] for variant in variants if variant.name in chosen and variant.files[0].selection == "val"}
    if not judged:
        return []
    added = []
    for name, seeds in judged.items():
        means = {metric: statistics.fmean(one.optimism[metric] for one in seeds) for metric in INTERVALS}
        added.append(f"{name} {' and '.join(f'{signed(mean)} {LABEL[metric]}' for metric, mean in means.items())}")
    trainings = [one for seeds in judged.values() for one in seeds]
    return [
        f"What choosing on test adds to choosing on val, in points, mean over seeds: {'; '.join(added)}. Both chose the same epoch in "
        f"{sum(one.same for one in trainings)} of {len(trainings)} trainings. Test chose w for these rows, and they are not comparable "
        "with those above."
    ]


def _notes(variants: Sequence[Variant], oracles: Oracles, chosen: Chosen, differences: Sequence[str]) -> list[str]:
    notes = ["; ".join(f"{variant.name}: {variant.title}" for variant in variants) + ".", *differences, seeds_note(variants)]
    notes.append("95 % in the table: bootstrap over persons; its ends are the means of the seeds' ends.")
    notes.append(f"Queries: {by_value({variant.name: str(variant.files[0].queries) for variant in variants})}.")
    notes += _score_notes(variants)
    notes += [*choice_notes(variants), *_chosen_note(variants, chosen)]
    if oracles:
        notes.append(
            "Oracles know every attribute: binding also which value belongs to which slot, bag of words not. Among equals they draw lots."
        )
    return notes


def _score_notes(variants: Sequence[Variant]) -> list[str]:
    reranking = [variant for variant in variants if variant.files[0].top_k is not None]
    notes = ["The score marked * is the one a variant is judged by. cosine: of the two [CLS] embeddings."]
    if reranking:
        top = by_value({variant.name: str(variant.files[0].top_k) for variant in reranking})
        notes[0] += f" Within the top {top}: calibrated, log-softmax of the match + w cosine; published, match logit + cosine."
        weights = [f"{variant.name} {', '.join(f'{file.fusion_weight:g}' for file in variant.files)}" for variant in reranking]
        notes.append(f"w by seed: {'; '.join(weights)}.")
    return notes
