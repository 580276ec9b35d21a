"""The figures of one data set, from its metrics, rankings and history files, its table of differences and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cada.datasets.images import load_image
from cada.datasets.records import Record, image_path
from cada.reporting.curves import RANKS, recall_figure, recalls, training_figure
from cada.reporting.formats import csv_text
from cada.reporting.histories import read_histories
from cada.reporting.intervals import ablation_figure, pairs_figure
from cada.reporting.measured import read_variants
from cada.reporting.pairs import interval_note, read_pairs
from cada.reporting.ranked_lists import QUERIES, SHOWN, SIZE, draw_lists, failures, lists_figure, successes
from cada.reporting.rankings import Rankings, read_rankings
from cada.reporting.sensitivity import sensitivity_figure
from cada.reporting.style import save, style
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
    """Write {ablation,pairs,recall,sensitivity,training,successes,failures}.{png,svg}, captions.json and recall.csv into `output`.

    variants: (name, title). pairs: the table of paired differences. shown: the variant whose ranked lists are shown, with the
    first seed. results: the folder of metrics, rankings and histories. root, records: the data set's pictures and captions.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    names = [name for name, _ in variants]
    measured = read_variants(dataset, variants, seeds, results / "metrics")
    rankings = read_rankings(dataset, names, seeds, results / "rankings")
    compared = read_pairs(pairs, names, seeds)
    histories = read_histories(dataset, names, seeds, results / "history")
    table = rankings[shown][0]
    found = successes(table), failures(table)
    captions = {(record.image, number): text for record in records for number, text in enumerate(record.captions)}
    persons = {record.image: record.person for record in records}
    paths = {record.image: image_path(root, record) for record in records}

    def load(name: str) -> np.ndarray:
        return load_image(paths[name], SIZE)

    with style():
        figures = {
            "ablation": ablation_figure(measured),
            "pairs": pairs_figure(compared),
            "recall": recall_figure(rankings),
            "sensitivity": sensitivity_figure(measured),
            "training": training_figure(histories),
        }
        for name, among in zip(("successes", "failures"), found, strict=True):
            figures[name] = lists_figure(draw_lists(table, among, captions), persons, load)
        for name, figure in figures.items():
            save(figure, output, name)
    write_text(output / "recall.csv", recall_csv(dataset, rankings))
    shares = [100 * float(among.mean()) for among in found]
    write_json(output / "captions.json", figure_captions(names, seeds, shown=shown, shares=shares))


def recall_csv(dataset: str, rankings: Rankings) -> str:
    """R@K of the headline scores, one line for each variant and K: mean over seeds, standard deviation (n - 1), seeds."""
    lines = []
    for variant, tables in rankings.items():
        values = recalls(tables)  # (S, K)
        deviations = [f"{value:.4f}" for value in values.std(axis=0, ddof=1)] if len(tables) > 1 else [""] * len(RANKS)
        for k, mean, deviation in zip(RANKS, values.mean(axis=0), deviations, strict=True):
            lines.append([dataset, variant, str(k), f"{mean:.4f}", deviation, str(len(tables))])
    return csv_text(["dataset", "variant", "K", "R_mean", "R_std", "seeds"], lines)


def figure_captions(variants: Sequence[str], seeds: Sequence[int], *, shown: str, shares: Sequence[float]) -> Mapping[str, str]:
    """A caption for each figure, by its name. shares: how many queries in 100 are successes, and failures."""
    many = f"{len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    bands = "; bands reach from the lowest to the highest of the seeds" if len(seeds) > 1 else ""
    model = f"{shown}, seed {seeds[0]}"
    lists = (
        f"Up to {QUERIES} queries by lot, of different persons. The caption is the query; left its own picture, then the first "
        f"{SHOWN} pictures found, those of the described person with ✓ in a thick frame."
    )
    return {
        "ablation": (
            f"R@1 and mAP on the full test gallery. Dots: {many}; stroke: the mean; bar: 95 % interval over persons. "
            "* marks the score that a variant is judged by."
        ),
        "pairs": (
            "Paired differences of R@1 and mAP, in points, with 95 % intervals. A filled mark: the interval leaves zero out. "
            f"Blue: the scores that the variants are judged by; grey: the cosine alone. {interval_note(seeds)}"
        ),
        "recall": (
            f"Left: R@K over K by the scores that the variants are judged by, mean over {many}. "
            f"Right: the paired difference from {variants[0]} in points, with its 95 % interval at each K. Lines of variants that find "
            "the same lie on each other; re-ranking orders the first k pictures alone and changes nothing from K = k on. "
            f"{interval_note(seeds)}"
        ),
        "sensitivity": (
            f"R@1 and mAP on the full test gallery over quantities that were chosen beforehand: mean over {many}{bands}. Dotted: the "
            "cosine alone. k: how many pictures of each query are re-ranked, with the weight of the cosine that val chose at the largest k."
        ),
        "training": (
            f"The objectives and the score that chose the checkpoint, over epochs of fine-tuning: mean over {many}{bands}. A split's "
            "scores are of a gallery of its own: the smaller, the higher."
        ),
        "successes": f"{model}: {shares[0]:.1f} % of the queries find the described person at rank 1. {lists}",
        "failures": f"{model}: {shares[1]:.1f} % of the queries do not find the described person among the first {SHOWN}. {lists}",
    }
