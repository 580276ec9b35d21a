"""What a chapter shows of the tables and figures of a data set, in this order; for what is absent how to make it, or nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cada.errors import CadaError
from cada.reporting.tables.table import Table
from cada.storage.files import read_object
from cada.storage.results import read_result


@dataclass(frozen=True)
class Topic:
    """A section: figures and tables, each by its folder and name.

    optional: a run need not have them. absent: what to say instead where there are none; if empty, the section is left out.
    kind: a table is shown only if it has a row of this kind. intervals: whether it holds intervals of differences.
    """

    key: str
    title: str
    introduction: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    optional: bool = False
    kind: str = ""
    absent: str = ""
    intervals: bool = False


TOPICS = (
    Topic(
        "ablation",
        "What each part adds",
        "The method with and without each of its parts. A variant has a row for each way of scoring; the row marked * is its result.",
        figures=("figures/ablation",),
        tables=("tables/ablation",),
    ),
    Topic(
        "pairs",
        "Differences between variants",
        "Two variants answer the same queries, so they are compared query by query. Such a difference is known far better than the "
        "distance between two rows of the table above.",
        figures=("figures/pairs",),
        tables=("tables/pairs",),
        intervals=True,
    ),
    Topic(
        "recall",
        "How far down the list",
        "R@K is the share of queries whose person is among the first K images.",
        figures=("figures/recall",),
    ),
    Topic(
        "open_set",
        "Is the person there at all?",
        "A search always finds somebody. Whether it is the described person has to be told from the score of the first hit.",
        figures=("figures/open_set",),
        tables=("tables/open_set",),
    ),
    Topic(
        "comparison",
        "Beside the literature",
        "Published numbers are quoted, each with its source; none of them was measured here.",
        tables=("tables/comparison",),
        kind="published",
        absent="Nobody has published numbers on this data set. Its scores are beside chance and the oracles in the first table.",
    ),
    Topic(
        "sensitivity",
        "Sensitivity",
        "How the result changes if one value is changed and everything else stays.",
        figures=("figures/sensitivity",),
        tables=("tables/sensitivity",),
    ),
    Topic("training", "The trainings", "The objectives while the models learned.", figures=("figures/training",)),
    Topic(
        "lists",
        "What is found",
        "Random queries: some that are answered, and some that are not.",
        figures=("figures/successes", "figures/failures"),
    ),
    Topic(
        "attention",
        "Where the model looks",
        "Heat maps of attention, for some captions and images.",
        figures=("attention/attention",),
        optional=True,
    ),
    Topic(
        "composition",
        "Telling look-alikes apart",
        "A sentence and two images, or an image and two sentences: one of the two is wrong in a single detail. Half are right by chance.",
        figures=("probes/look_alikes",),
        tables=("probes/composition", "probes/composition_pairs", "probes/composition_slots"),
        optional=True,
        intervals=True,
    ),
    Topic(
        "associations",
        "What is associated with what",
        "Text tokens with image patches, and image regions with text attributes: each direction is measured by itself, and then both are "
        "compared. docs/association.md explains how.",
        figures=("associations/association",),
        tables=tuple(f"associations/{name}" for name in ("correspondence", "slots", "prediction", "discrepancy", "gains", "correlation")),
        optional=True,
        absent="This run did not measure associations. docs/association.md says what that is and how it is run.",
        intervals=True,
    ),
    Topic(
        "probes",
        "Changed captions and images",
        "The same search with captions or images changed a little. What a model loses shows what it relies on.",
        tables=("probes/robustness", "probes/contrasts", "probes/attributes"),
        optional=True,
        absent="This run did not search with changed captions or images. docs/probes.md says what that is, how it is run, and where the "
        "tables of a sweep are.",
        intervals=True,
    ),
)
PHOTOGRAPHS = {"successes", "failures", "attention", "look_alikes", "association"}


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure in the page: its `data:` address, which holds all of it, its caption, and whether it shows images of persons."""

    name: str
    address: str
    caption: str
    photograph: bool


@dataclass(frozen=True)
class ShownTopic:
    """A topic with its figures and tables; if there are none, the text says why."""

    key: str
    title: str
    text: str
    figures: tuple[EmbeddedFigure, ...]
    tables: tuple[Table, ...]
    intervals: bool


def shown_topics(dataset: str, folders: Mapping[str, Path], *, workflow: Path) -> list[ShownTopic]:
    """The topics that have something to show or to say. folders: by the names that TOPICS use; of other folders nothing is shown.

    Errors: `CadaError` for a table or figure that every run has and that is missing.
    """
    shown = []
    for topic in TOPICS:
        figures = tuple(_embedded(path) for path in _present(topic, topic.figures, ".png", folders, dataset, workflow))
        paths = _present(topic, topic.tables, ".json", folders, dataset, workflow)
        read = [read_result(path, Table, command=_command(path, dataset, workflow)) for path in paths]
        tables = tuple(table for table in read if not topic.kind or topic.kind in {row[0] for row in table.rows})
        if figures or tables:
            shown.append(ShownTopic(topic.key, topic.title, topic.introduction, figures, tables, topic.intervals))
        elif topic.absent:
            shown.append(ShownTopic(topic.key, topic.title, topic.absent, (), (), intervals=False))
    return shown


def _present(topic: Topic, names: Sequence[str], suffix: str, folders: Mapping[str, Path], dataset: str, workflow: Path) -> list[Path]:
    """The files that there are of a topic's figures or tables."""
    parts = [name.split("/") for name in names]
    paths = [folders[folder] / f"{name}{suffix}" for folder, name in parts if folder in folders]
    for path in paths:
        if not topic.optional and not path.is_file():
            raise CadaError(f"{path}: there is no such file. Make it with `{_command(path, dataset, workflow)}`.")
    return [path for path in paths if path.is_file()]


def _command(path: Path, dataset: str, workflow: Path) -> str:
    return f"cada {path.parent.name.replace('_', '-')} {dataset} --workflow {workflow}"


def _embedded(path: Path) -> EmbeddedFigure:
    """A drawing stays sharp as SVG; what shows images is smaller as PNG. The captions of both are in the same folder."""
    captions = read_object(path.with_name("captions.json"), again="Draw the figures again.")
    if path.stem not in captions:
        raise CadaError(f"{path}: captions.json in the same folder has no caption for it. Draw the figures again.")
    photograph = path.stem in PHOTOGRAPHS
    kind, source = ("png", path) if photograph else ("svg+xml", path.with_suffix(".svg"))
    address = f"data:image/{kind};base64,{base64.b64encode(source.read_bytes()).decode('ascii')}"
    return EmbeddedFigure(path.stem, address, captions[path.stem], photograph)
