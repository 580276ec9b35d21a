"""Models of one data set on the test split of another: a row for each set that was trained on, a column for each that was searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cada.reporting.results.metrics import LABEL, MAIN_METRICS, MeasuredVariant, read_variants
from cada.reporting.tables.cells import frame, parts_of, spread
from cada.reporting.tables.notes import choice_notes, spread_over
from cada.reporting.tables.table import Section, Table, Tabulated, write_tables
from cada.retrieval.metrics import METRICS

Transfers = Mapping[tuple[str, str], Sequence[MeasuredVariant]]  # by the set trained on and the set searched; all have the same variants


def write_transfer_tables(
    folders: Mapping[tuple[str, str], Path], *, variants: Sequence[tuple[str, str]], seeds: Sequence[int], output: Path
) -> None:
    """Write transfer.{csv,html,json,md,tex} into `output`.

    folders: (trained on, tested on) -> the folder with <name>/<seed>.json of these variants (name, title) and seeds.
    Errors: `CadaError` for a file that is missing, incomplete or about something else, before anything is written.
    """
    transfers = {
        (trained, tested): read_variants(tested, variants, seeds, folder, trained_on=None if trained == tested else trained)
        for (trained, tested), folder in folders.items()
    }
    write_tables({"transfer": transfer_table(transfers)}, output)


def transfer_table(transfers: Transfers) -> Tabulated:
    """The headline scores, mean and standard deviation (n - 1) over the seeds; a section for each variant."""
    measured = [
        {"trained_on": trained, "tested_on": tested, "variant": variant.name, **variant.headline_summary()}
        for (trained, tested), variants in transfers.items()
        for variant in variants
    ]
    values = frame(measured, ["trained_on", "tested_on", "variant", "score", "seeds", *parts_of(METRICS, ("mean", "std"))])
    datasets = list(dict.fromkeys(trained for trained, _ in transfers))
    own = {dataset: transfers[dataset, dataset] for dataset in datasets}
    records = {(one["trained_on"], one["tested_on"], one["variant"]): one for one in values.to_dict("records")}
    sections = []
    for variant in own[datasets[0]]:
        rows = [
            (trained, *(spread(records[trained, tested, variant.name], metric) for tested in datasets for metric in MAIN_METRICS))
            for trained in datasets
        ]
        sections.append(Section(f"{variant.name}: {variant.title}", tuple(rows)))
    files = {dataset: variants[0].files[0] for dataset, variants in own.items()}
    galleries = [f"{dataset} {file.persons} persons, {file.gallery} images" for dataset, file in files.items()]
    seeds = spread_over([file.seed for file in own[datasets[0]][0].files])
    notes = (
        "Rows: the set that the model was trained on. Columns: the set whose test split it searched. Their own test is on the diagonal.",
        f"Full test galleries: {'; '.join(galleries)}. They differ in size, so columns cannot be compared with one another.",
        "Image size, vocabulary, the number of re-ranked images and the weight of the cosine are those of the set trained on.",
        f"{seeds}. All variants and seeds of a data set start from the same weights.",
        *(f"{dataset}: {note}" for dataset, variants in own.items() for note in choice_notes(variants)),
    )
    columns = ("trained on", *(f"{tested} {LABEL[metric]}" for tested in datasets for metric in MAIN_METRICS))
    return values, Table("Transfer between data sets", columns, 1, tuple(sections), notes)
