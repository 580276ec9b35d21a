"""The ablation: a row for each variant and score, on the full gallery and on its fixed parts, with chance and the oracles below."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from cada.reporting.results.histories import ChosenOnTest
from cada.reporting.results.metrics import LABEL, MAIN_METRICS, MeasuredVariant, TestGallery, summary_of
from cada.reporting.tables.cells import Record, by_value, frame, interval, parts_of, records_by, signed, spread
from cada.reporting.tables.notes import choice_notes, seeds_note
from cada.reporting.tables.pairs import findings, pair_interval_notes
from cada.reporting.tables.table import Section, Table, Tabulated
from cada.retrieval.metrics import METRICS

GALLERIES: tuple[TestGallery, ...] = ("all", "parts")
ORACLES = {"chance": "chance", "bag_of_words": "bag of words", "binding": "binding"}
Oracles = Mapping[str, Mapping[str, float]]  # by gallery and oracle the R@1, as the manifest has them
Chosen = Mapping[str, Sequence[ChosenOnTest]]  # by variant, one for each seed; variants that did not score test are absent
ABLATION_LABELS = ("dataset", "gallery", "kind", "variant", "title", "score", "headline", "seeds")


def ablation_table(dataset: str, variants: Sequence[MeasuredVariant], oracles: Oracles, chosen: Chosen, pairs: pd.DataFrame) -> Tabulated:
    """All metrics with all intervals. chosen: what test would have chosen, in the galleries val-chosen and test-chosen.

    pairs: the differences of the compared variants, which are stated below the table.
    """
    records: list[Record] = []
    for gallery in GALLERIES:
        measured = [
            {
                "gallery": gallery, "kind": "measured", "variant": variant.name, "title": variant.title, "score": fusion,
                "headline": variant.is_headline(fusion), "seeds": len(variant.files), **variant.summary(fusion, gallery),
            }
            for variant in variants
            for fusion in variant.fusions(gallery)
        ]  # fmt: skip
        known = oracle_scores(oracles, gallery).items() if measured else ()
        records += [*measured, *({"gallery": gallery, "kind": "oracle", "variant": name, "R1_mean": score} for name, score in known)]
    records += [record for variant in variants if variant.name in chosen for record in _chosen_records(variant, chosen[variant.name])]
    columns = [*ABLATION_LABELS, *parts_of(METRICS, ("mean", "std", "low", "high"))]
    values = frame([{"dataset": dataset, **record} for record in records], columns)
    return values, _table(dataset, values, variants, chosen, pairs, with_oracles=bool(oracles))


def _table(
    dataset: str, values: pd.DataFrame, variants: Sequence[MeasuredVariant], chosen: Chosen, pairs: pd.DataFrame, *, with_oracles: bool
) -> Table:
    columns = ["variant", "score"]
    for metric in METRICS:
        columns += [LABEL[metric], "95 %"] if metric in MAIN_METRICS else [LABEL[metric]]
    rows = {gallery: tuple(map(_cells, records)) for gallery, records in records_by(values, "gallery").items()}
    headings = {"all": _full_heading(variants), "parts": _parts_heading(variants)}
    sections = [Section(headings[gallery], rows[gallery]) for gallery in GALLERIES if gallery in rows]
    if chosen:
        chosen_rows = values[values["gallery"].str.endswith("-chosen")].to_dict("records")  # val and test of each variant together
        sections.append(Section(_chosen_heading(chosen), tuple(map(_cells, chosen_rows))))
    notes = [
        "; ".join(f"{variant.name}: {variant.title}" for variant in variants) + ".",
        seeds_note(variants),
        "95 % in the table: bootstrap over persons; its ends are the means of the ends of the seeds.",
        f"Queries: {by_value({variant.name: str(variant.files[0].queries) for variant in variants})}.",
        *_score_notes(variants),
        *choice_notes(variants),
        *_chosen_note(variants, chosen),
    ]
    if with_oracles:
        notes.append(
            "Oracles know every attribute. binding also knows which value belongs to which slot; bag of words does not. "
            "Among images that fit equally well they choose at random."
        )
    repeated = (*(finding.text for finding in findings(pairs, ["R1"])), *pair_interval_notes(pairs))
    return Table(f"Ablation on {dataset}", tuple(columns), 2, tuple(sections), tuple(notes), repeated=repeated)


def _chosen_records(variant: MeasuredVariant, seeds: Sequence[ChosenOnTest]) -> Iterator[dict[str, Any]]:
    """The headline score of the checkpoint that val chose, where it did, and of the one that test would have chosen."""
    for split in ("val", "test"):
        if split == "test" or variant.files[0].selection == "val":
            yield {
                "gallery": f"{split}-chosen", "kind": "measured", "variant": variant.name, "title": variant.title,
                "score": variant.files[0].headline, "headline": False, "seeds": len(variant.files),
                **summary_of(one.kept if split == "val" else one.best for one in seeds),
            }  # fmt: skip


def oracle_scores(oracles: Oracles, gallery: str) -> dict[str, float]:
    """R@1 of chance and of the oracles on a gallery, by their printed names; empty where the data set has none."""
    return {printed: float(oracles[gallery][name]) for name, printed in ORACLES.items() if name in oracles.get(gallery, {})}


def _cells(record: Record) -> tuple[str, ...]:
    if record["kind"] == "oracle":
        score = "oracle"
    elif record["gallery"].endswith("-chosen"):
        score = f"{record['score']}, {record['gallery'].removesuffix('-chosen')}"
    else:
        score = record["score"] + " *" * record["headline"]
    cells = [record["variant"], score]
    for metric in METRICS:
        cells += [spread(record, metric), interval(record, metric)] if metric in MAIN_METRICS else [spread(record, metric)]
    return tuple(cells)


def _full_heading(variants: Sequence[MeasuredVariant]) -> str:
    file = variants[0].files[0]
    return f"Full test gallery: {file.persons} persons, {file.gallery} images"


def _parts_heading(variants: Sequence[MeasuredVariant]) -> str:
    file = variants[0].files[0]
    return f"Means over {file.part_count} fixed galleries of {file.persons / file.part_count:g} persons, each with its own queries"


def _chosen_heading(chosen: Chosen) -> str:
    counts = {name: "all" if seeds[0].queries is None else str(seeds[0].queries) for name, seeds in chosen.items()}
    return f"Chosen on test, as in the paper's code, beside chosen on val (full gallery; queries: {by_value(counts)}; optimistic)"


def _chosen_note(variants: Sequence[MeasuredVariant], chosen: Chosen) -> list[str]:
    """How much choosing on test adds to the scores of the variants whose checkpoints val chose."""
    judged = {variant.name: chosen[variant.name] for variant in variants if variant.name in chosen and variant.files[0].selection == "val"}
    if not judged:
        return []
    added = []
    for name, seeds in judged.items():
        means = {
            metric: statistics.fmean(getattr(one.best, metric) - getattr(one.kept, metric) for one in seeds) for metric in MAIN_METRICS
        }
        added.append(f"{name} {' and '.join(f'{signed(mean)} {LABEL[metric]}' for metric, mean in means.items())}")
    trainings = [one for seeds in judged.values() for one in seeds]
    return [
        f"What choosing on test adds to choosing on val, in points, mean over seeds: {'; '.join(added)}. Both chose the same epoch in "
        f"{sum(one.same for one in trainings)} of {len(trainings)} trainings. In these rows test also chose w, so they cannot be compared "
        "with the rows above."
    ]


def _score_notes(variants: Sequence[MeasuredVariant]) -> list[str]:
    reranking = [variant for variant in variants if variant.files[0].top_k is not None]
    judged = "A variant is judged by the score marked *. cosine: of the two [CLS] embeddings."
    if not reranking:
        return [judged]
    top = by_value({variant.name: str(variant.files[0].top_k) for variant in reranking})
    weights = [f"{variant.name} {', '.join(f'{file.fusion_weight:g}' for file in variant.files)}" for variant in reranking]
    return [
        f"{judged} Within the top {top}: calibrated, log-softmax of the match + w cosine; published, match logit + cosine.",
        f"w by seed: {'; '.join(weights)}.",
    ]
