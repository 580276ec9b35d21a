"""Models of one data set on the test split of another: a row for each set that was trained on, a column for each that was searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cada.reporting.ablation import choice_notes, mean_and_deviation
from cada.reporting.formats import Section, Table, csv_text, texts_of
from cada.reporting.measured import LABEL, METRICS, Row, Variant, headlines, read_variants
from cada.storage.files import write_text

SHOWN = ("R1", "mAP")  # the CSV file has all metrics
Transfers = Mapping[tuple[str, str], Sequence[Variant]]  # by the set trained on and the set searched; all have the same variants


def write_transfer_tables(
    folders: Mapping[tuple[str, str], Path], *, variants: Sequence[tuple[str, str]], seeds: Sequence[int], output: Path
) -> None:
    """Write transfer.{csv,html,md,tex} into `output`.

    folders: (trained on, tested on) -> the folder with <name>/<seed>.json of these variants (name, title) and seeds.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    transfers = {
        (trained, tested): read_variants(tested, variants, seeds, folder, trained_on=None if trained == tested else trained)
        for (trained, tested), folder in folders.items()
    }
    texts = {"transfer.csv": transfer_csv(transfers)} | texts_of("transfer", transfer_table(transfers))
    for name, text in texts.items():
        write_text(output / name, text)


def transfer_table(transfers: Transfers) -> Table:
    """A section for each variant; every number is of its headline score."""
    datasets = list(dict.fromkeys(trained for trained, _ in transfers))
    rows = {pair: {row.variant: row for row in headlines(variants)} for pair, variants in transfers.items()}
    sections = []
    for variant in transfers[datasets[0], datasets[0]]:
        lines = [(trained, *(cell for tested in datasets for cell in _cells(rows[trained, tested][variant.name]))) for trained in datasets]
        sections.append(Section(f"{variant.name}: {variant.title}", tuple(lines)))
    columns = ("trained on", *(f"{tested} {LABEL[metric]}" for tested in datasets for metric in SHOWN))
    return Table("Transfer between data sets", columns, 1, tuple(sections), tuple(_notes(datasets, transfers)))


def transfer_csv(transfers: Transfers) -> str:
    """All metrics to four decimals: mean and standard deviation (n - 1) over the seeds."""
    columns = ["trained_on", "tested_on", "variant", "score", "seeds", *(f"{name}_{part}" for name in METRICS for part in ("mean", "std"))]
    lines = []
    for (trained, tested), variants in transfers.items():
        for row in headlines(variants):
            line = [trained, tested, row.variant, row.fusion, str(len(variants[0].files))]
            for name in METRICS:
                deviation = row.summaries[name].deviation
                line += [f"{row.summaries[name].mean:.4f}", "" if deviation is None else f"{deviation:.4f}"]
            lines.append(line)
    return csv_text(columns, lines)


def _cells(row: Row) -> tuple[str, ...]:
    return tuple(mean_and_deviation(row.summaries[metric]) for metric in SHOWN)


def _seeds(variant: Variant) -> str:
    seeds = [str(file.seed) for file in variant.files]
    return f"Mean ± standard deviation (n - 1) over {len(seeds)} seeds ({', '.join(seeds)})" if len(seeds) > 1 else f"One seed ({seeds[0]})"


def _notes(datasets: Sequence[str], transfers: Transfers) -> list[str]:
    own = {dataset: transfers[dataset, dataset] for dataset in datasets}
    files = {name: variants[0].files[0] for name, variants in own.items()}
    galleries = [f"{name} {file.persons} persons, {file.gallery} pictures" for name, file in files.items()]
    return [
        "Rows: the set that the model was trained on. Columns: the set whose test split it searched. Their own test is on the diagonal.",
        f"Full test galleries: {'; '.join(galleries)}. They differ in size, so columns cannot be compared with one another.",
        "Image size, vocabulary, the number of re-ranked pictures and the weight of the cosine are those of the set trained on.",
        f"{_seeds(own[datasets[0]][0])}. All variants and seeds of a data set start from the same weights.",
        *(f"{dataset}: {note}" for dataset, variants in own.items() for note in choice_notes(variants)),
    ]
