"""The report: what it is about, how to read it, and a chapter for each data set, in one page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cada.reporting.html.chapter import ALWAYS, Chapter
from cada.reporting.rendering import render
from cada.reporting.tables.table import Table
from cada.storage.files import write_text

BEFORE_CHAPTERS = {"brief": "In brief", "method": "What was run", "reading": "How to read the numbers"}
AFTER_CHAPTERS = {"limits": "Known limits", "provenance": "Where this report comes from"}
TRANSFER = {"transfer": "From one data set to another"}


@dataclass(frozen=True)
class RunVariant:
    """A variant of the run. objectives: with their weights where the variant has its own."""

    name: str
    title: str
    procedure: str
    objectives: Sequence[str]


def write_page(
    chapters: Sequence[Chapter],
    *,
    variants: Sequence[RunVariant],
    seeds: Sequence[int],
    parameters: Mapping[str, str],
    transfer: Table | None,
    provenance: Mapping[str, str],
    output: Path,
) -> None:
    """Write the page. parameters: the text to show of each parameter file. transfer: the table of models on other data sets than their
    own, where several are run.
    """
    sections = BEFORE_CHAPTERS | (TRANSFER if transfer else {}) | AFTER_CHAPTERS
    text = render(
        "report.html.jinja",
        chapters=chapters,
        variants=variants,
        seeds=seeds,
        parameters=parameters,
        transfer=transfer,
        provenance=provenance,
        sections=sections,
        contents=_contents(chapters, sections),
        always=ALWAYS,
    )
    write_text(output, text + "\n")


def _contents(chapters: Sequence[Chapter], sections: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Level, key and title of every heading, in order."""
    contents = [(2, key, sections[key]) for key in BEFORE_CHAPTERS]
    for chapter in chapters:
        name = chapter.about.dataset
        contents.append((2, name, chapter.about.title))
        contents += [(3, f"{name}-{key}", title) for key, title in chapter.sections.items()]
    return [*contents, *((2, key, title) for key, title in sections.items() if key not in BEFORE_CHAPTERS)]
