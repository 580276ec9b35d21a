"""The figures of one data set with their captions, from the files of its models, its table of differences and its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cada.datasets.images import load_image
from cada.datasets.records import Record, image_path
from cada.reporting.figures.curves import recall_figure, recall_values, training_figure
from cada.reporting.figures.open_set import open_set_figure
from cada.reporting.figures.ranked_lists import IMAGE_SIZE, LISTED, LISTS, draw_lists, failures, lists_figure, successes
from cada.reporting.figures.scores import ablation_figure, pairs_figure
from cada.reporting.figures.sensitivity import sensitivity_figure
from cada.reporting.figures.style import save, style
from cada.reporting.results.histories import read_histories
from cada.reporting.results.metrics import read_variants
from cada.reporting.results.rankings import read_rankings
from cada.reporting.tables.pairs import read_pairs
from cada.reporting.tables.sensitivity import sensitivity_values
from cada.reporting.tables.table import csv_text
from cada.retrieval.openset import RATES
from cada.storage.files import write_json, write_text


def write_figures(
    dataset: str,
    *,
    variants: Sequence[tuple[str, str]],
    seeds: Sequence[int],
    pairs: Path,
    shown: str,
    results: Path,
    root: Path,
    records: Sequence[Record],
    output: Path,
) -> None:
    """Write {ablation,pairs,recall,open_set,sensitivity,training,successes,failures}.{png,svg}, captions.json and recall.csv into `output`.

    variants: (name, title). pairs: the table of paired differences. shown: the variant whose ranked lists are shown, with the
    first seed. results: the folder of metrics, rankings and histories. root, records: the data set's images and captions.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    names = [name for name, _ in variants]
    measured = read_variants(dataset, variants, seeds, results / "metrics")
    rankings = read_rankings(dataset, names, seeds, results / "rankings")
    compared = read_pairs(pairs, names, seeds)
    histories = read_histories(dataset, names, seeds, results / "history")
    table = rankings[shown][0]
    lists = {"successes": successes(table), "failures": failures(table)}
    captions = {(record.image, number): text for record in records for number, text in enumerate(record.captions)}
    persons = {record.image: record.person for record in records}
    paths = {record.image: image_path(root, record) for record in records}

    def load(name: str) -> np.ndarray:
        return load_image(paths[name], IMAGE_SIZE)

    with style():
        figures = {
            "ablation": ablation_figure(measured),
            "pairs": pairs_figure(compared),
            "recall": recall_figure(rankings),
            "open_set": open_set_figure(measured),
            "sensitivity": sensitivity_figure(sensitivity_values(dataset, measured)),
            "training": training_figure(histories),
        } | {name: lists_figure(draw_lists(table, among, captions), persons, load) for name, among in lists.items()}
        for name, figure in figures.items():
            save(figure, output, name)
    write_text(output / "recall.csv", csv_text(recall_values(dataset, rankings)))
    shares = {name: 100 * float(among.mean()) for name, among in lists.items()}
    write_json(output / "captions.json", figure_captions(names, seeds, shown=shown, shares=shares))


def figure_captions(variants: Sequence[str], seeds: Sequence[int], *, shown: str, shares: Mapping[str, float]) -> dict[str, str]:
    """A caption for each figure, by its name. shares: how many queries in 100 are successes, and failures."""
    many, drawn = (f"{len(seeds)} seeds", "persons and seeds") if len(seeds) > 1 else ("one seed", "persons")
    bands = "; bands reach from the lowest to the highest of the seeds" if len(seeds) > 1 else ""
    paler = " A line for each seed, later ones paler." if len(seeds) > 1 else ""
    model = f"{shown}, seed {seeds[0]}"
    lists = (
        f"Up to {LISTS} random queries of different persons. The caption is the query. On the left is its own image, then follow the first "
        f"{LISTED} images found; those of the described person have a thick frame and ✓."
    )
    return {
        "ablation": (
            f"R@1 and mAP on the full test gallery. Dots: {many}; stroke: the mean; bar: 95 % interval over persons. "
            "A variant is judged by the score marked *."
        ),
        "pairs": (
            f"Paired differences of R@1 and mAP, in points, with 95 % intervals over {drawn}. A filled mark: the interval does not hold "
            "zero. Blue: the scores that the variants are judged by; grey: the cosine alone."
        ),
        "recall": (
            f"Left: R@K over K by the scores that the variants are judged by, mean over {many}. "
            f"Right: the paired difference from {variants[0]} in points at each K, with its 95 % interval over {drawn}. Variants that find "
            "the same have the same line. Re-ranking changes the order of the first k images alone, and so nothing from K = k on."
        ),
        "open_set": (
            "Persons who are in the gallery, and persons who are not. Left: how many of 100 who are there are found first and above a "
            "threshold (TPIR), over how many of 100 searches for persons who are not there end above it (FPIR), "
            f"mean over {many}. Dots: the thresholds that val gives for an FPIR of {', '.join(map(str, RATES))} %, where it can. Right: of "
            "test's searches with like probabilities, by the curve that val gives, how many found the described person first; half of the "
            f"searches are for persons who are not there. On the diagonal, what is said is true.{paler}"
        ),
        "sensitivity": (
            f"R@1 and mAP on the full test gallery over quantities that were chosen before: mean over {many}{bands}. Dotted: the "
            "cosine alone. k: how many images of each query are re-ranked, with the weight of the cosine that val chose at the largest k."
        ),
        "training": (
            f"The objectives and the score that chose the checkpoint, over epochs of fine-tuning: mean over {many}{bands}. A split's "
            "scores are of its own gallery: they are higher on a smaller one."
        ),
        "successes": f"{model}: {shares['successes']:.1f} % of the queries find the described person at rank 1. {lists}",
        "failures": (
            f"{model}: {shares['failures']:.1f} % of the queries do not find the described person among the first {LISTED} images. {lists}"
        ),
    }
