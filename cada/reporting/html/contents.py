"""What a chapter shows of a data set's tables and figures, in this order; what is not there is left out, or said how to make."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cada.errors import CadaError
from cada.reporting.formats import findings_of, fragment_of, title_of
from cada.reporting.html.pictures import data_uri
from cada.storage.files import read_json


@dataclass(frozen=True)
class Topic:
    """A section: figures and tables, each by its folder and name.

    absent: what to say instead where there are none; if nothing, the section is left out. needs: what a table must hold to be shown.
    """

    key: str
    title: str
    introduction: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    optional: bool = False
    needs: str = ""
    absent: str = ""


TOPICS = (
    Topic(
        "ablation",
        "What each part adds",
        "The method with and without each of its parts. A variant has a row for each way of scoring; the one marked * is its result.",
        figures=("figures/ablation",),
        tables=("tables/ablation",),
    ),
    Topic(
        "pairs",
        "Differences between variants",
        "Two variants answer the same queries, so they are compared query by query: such a difference is known far better than the "
        "distance between two rows of the table above.",
        figures=("figures/pairs",),
        tables=("tables/pairs",),
    ),
    Topic(
        "recall",
        "How far down the list",
        "R@K says how often the described person is among the first K pictures.",
        figures=("figures/recall",),
    ),
    Topic(
        "comparison",
        "Beside the literature",
        "Published numbers are quoted, each with its source; none of them was measured here.",
        tables=("tables/comparison",),
        needs="Published for",
        absent="Nobody has published numbers on this data set. Its scores stand beside chance and the oracles in the first table.",
    ),
    Topic(
        "sensitivity",
        "Sensitivity",
        "What becomes of the result when one value is changed and everything else stays.",
        figures=("figures/sensitivity",),
        tables=("tables/sensitivity",),
    ),
    Topic("training", "The trainings", "What the objectives did while the models learned.", figures=("figures/training",)),
    Topic(
        "lists",
        "What is found",
        "Queries by lot, not chosen: some that are answered and some that are not.",
        figures=("figures/successes", "figures/failures"),
    ),
    Topic(
        "attention",
        "Where the model looks",
        "Heat maps of attention, for some captions and pictures.",
        figures=("attention/attention",),
        optional=True,
    ),
    Topic(
        "probes",
        "Changed captions and pictures",
        "The same search with captions or pictures changed a little: what a model really reads shows in what it loses.",
        tables=("probes/robustness", "probes/contrasts", "probes/composition", "probes/attributes"),
        optional=True,
        absent="The search with captions or pictures changed a little was not made in this run. docs/probes.md says what it is and how it "
        "is run, and where a sweep's tables lie.",
    ),
)
PHOTOGRAPHS = {"successes", "failures", "attention"}
INTERVALS = "Intervals of differences: [^<]*"  # `interval_note`, a note of tables and the end of captions


@dataclass(frozen=True)
class Figure:
    """A picture in the page: its address, which holds it, its caption, and whether it is made of photographs."""

    name: str
    address: str
    caption: str
    photograph: bool


@dataclass(frozen=True)
class Found:
    """A topic with what there is of it; `tables` are titles and pieces of HTML."""

    topic: Topic
    figures: tuple[Figure, ...]
    tables: tuple[tuple[str, str], ...]


def contents(dataset: str, folders: Mapping[str, Path], *, workflow: Path) -> list[Found]:
    """The topics that have something to show, or to say. folders: by the names that the topics use; of absent ones nothing is shown.

    Each finding stands under the last table that has it, and what an interval of a difference is, in the page's section "reading".
    Errors: `CadaError` for a table or figure that every run has and that is missing.
    """
    found: list[Found] = []
    said: list[str] = []
    for topic in reversed(TOPICS):
        drawn, written = _paths(topic.figures, ".png", folders), _paths(topic.tables, ".html", folders)
        for path in (*drawn, *written):
            if not topic.optional and not path.is_file():
                raise CadaError(f"{path}: there is no such file. Make it with `cada {path.parent.name} {dataset} --workflow {workflow}`.")
        figures = tuple(_figure(path) for path in drawn if path.is_file())
        pages = [page for path in written if path.is_file() and topic.needs in (page := path.read_text(encoding="utf-8"))]
        if figures or pages or topic.absent:
            found.insert(0, Found(topic, figures, tuple((title_of(page), _without(said, fragment_of(page))) for page in pages)))
        said += [text for page in pages for text in findings_of(page)]
    return found


def _without(said: Sequence[str], piece: str) -> str:
    items = [item for text in said if (item := f"<li>{html.escape(text)}</li>\n") in piece]
    for item in items:
        piece = piece.replace(item, "")
    link = '<a href="#reading">What the intervals of differences cover</a>'
    return re.sub(f"<li>{INTERVALS}</li>\n", "" if items else f"<li>{link}</li>\n", piece)


def _paths(names: Sequence[str], suffix: str, folders: Mapping[str, Path]) -> list[Path]:
    parts = [name.split("/") for name in names]
    return [folders[folder] / f"{name}{suffix}" for folder, name in parts if folder in folders]


def _figure(path: Path) -> Figure:
    """A drawing stays sharp as SVG; what holds photographs is smaller as PNG. Captions lie beside both."""
    name, captions = path.stem, read_json(path.with_name("captions.json"))
    if name not in captions:
        raise CadaError(f"{path}: captions.json beside it has no caption for it. Draw the figures again.")
    photograph = name in PHOTOGRAPHS
    caption = re.sub(INTERVALS, "", captions[name]).rstrip()
    return Figure(name, data_uri(path if photograph else path.with_suffix(".svg")), caption, photograph)
