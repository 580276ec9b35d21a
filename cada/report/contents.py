"""What a chapter shows of a data set's tables and figures, in this order; what is not there is left out, or said how to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cada.errors import CadaError
from cada.files import read_json
from cada.report.pictures import data_uri
from cada.reporting.formats import fragment_of


@dataclass(frozen=True)
class Topic:
    """A section: names of figures and tables, and, where they may be absent, what to say then (nothing: leave it out)."""

    key: str
    title: str
    introduction: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()  # tables of the probes
    optional: bool = False
    absent: str = ""


TOPICS = (
    Topic(
        "ablation",
        "What each part adds",
        "Every variant leaves out a part of the method. A variant has a row for each way of scoring; the one marked * is its result.",
        figures=("ablation",),
        tables=("ablation",),
    ),
    Topic(
        "pairs",
        "Differences between variants",
        "Two variants answer the same queries, so they are compared query by query: such a difference is known far better than the "
        "distance between two rows of the table above.",
        figures=("pairs",),
        tables=("pairs",),
    ),
    Topic(
        "recall",
        "How far down the list",
        "R@K says how often the described person is among the first K pictures.",
        figures=("recall",),
    ),
    Topic(
        "comparison",
        "Beside the literature",
        "Published numbers are quoted, each with its source; none of them was measured here.",
        tables=("comparison",),
    ),
    Topic(
        "sensitivity",
        "Sensitivity",
        "What becomes of the result when one value is changed and everything else stays.",
        figures=("sensitivity",),
        tables=("sensitivity",),
        optional=True,
    ),
    Topic("training", "The trainings", "What the objectives did while the models learned.", figures=("training",)),
    Topic(
        "lists",
        "What is found",
        "Queries by lot, not chosen: some that are answered and some that are not.",
        figures=("successes", "failures"),
    ),
    Topic(
        "attention",
        "Where the model looks",
        "Heat maps of attention, for some captions and pictures.",
        figures=("attention",),
        optional=True,
    ),
    Topic(
        "probes",
        "Changed captions and pictures",
        "The same search with captions or pictures changed a little: what a model really reads shows in what it loses.",
        probes=("robustness", "composition", "attributes"),
        optional=True,
        absent="Not made in this run. snakemake --cores 8 probes makes these tables; docs/probes.md explains them.",
    ),
)
PHOTOGRAPHS = {"successes", "failures", "attention"}


@dataclass(frozen=True)
class Figure:
    """A picture in the page: its address, which holds it, its caption, and whether it is made of photographs."""

    name: str
    address: str
    caption: str
    photograph: bool


@dataclass(frozen=True)
class Found:
    """A topic with what there is of it; `tables` are pieces of HTML."""

    topic: Topic
    figures: tuple[Figure, ...]
    tables: tuple[str, ...]


def contents(dataset: str, *, tables: Path, figures: Path, probe_tables: Path) -> list[Found]:
    """The topics that have something to show, or to say, from the folders of a data set.

    Errors: `CadaError` for a table or figure that every run has and that is missing.
    """
    captions = read_json(figures / "captions.json")
    found = []
    for topic in TOPICS:
        drawn, written = (
            [folder / f"{name}{kind}" for name in names]
            for folder, names, kind in ((figures, topic.figures, ".png"), (tables, topic.tables, ".html"))
        )
        written += [probe_tables / f"{name}.html" for name in topic.probes]
        for path in (*drawn, *written):
            if not topic.optional and not path.is_file():
                raise CadaError(f"{path}: there is no such file. Make it with `cada {path.parent.name} {dataset}`.")
        pictures = [_figure(path, captions) for path in drawn if path.is_file()]
        pieces = tuple(fragment_of(path.read_text(encoding="utf-8")) for path in written if path.is_file())
        if pictures or pieces or topic.absent:
            found.append(Found(topic, tuple(pictures), pieces))
    return found


def _figure(path: Path, captions: Mapping[str, str]) -> Figure:
    """A drawing stays sharp as SVG; what holds photographs is smaller as PNG."""
    name = path.stem
    if name not in captions:
        raise CadaError(f"{path}: captions.json beside it has no caption for it. Draw the figures again.")
    photograph = name in PHOTOGRAPHS
    return Figure(name, data_uri(path if photograph else path.with_suffix(".svg")), captions[name], photograph)
