"""The page: what the report is about, how to read it, the chapters, and a table of contents made from the headings."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cada.errors import CadaError
from cada.reporting.formats import fragment_of
from cada.reporting.html.rendering import TEMPLATES, render
from cada.storage.files import write_text

HEADING = re.compile(r'<h([23]) id="([^"]+)">(.*?)</h\1>')


@dataclass(frozen=True)
class Row:
    """A variant of the run."""

    name: str
    title: str
    procedure: str
    objectives: Sequence[str]  # with their weights where the variant has its own


def write_page(
    chapters: Mapping[str, Path],
    *,
    variants: Sequence[Row],
    seeds: Sequence[int],
    parameters: Mapping[str, str],
    transfer: Path,
    provenance: Mapping[str, str],
    workflow: Path,
    output: Path,
) -> None:
    """Write the page. chapters: their folders by data set. parameters: the text to show of each parameter file. transfer: the page of
    the table of models on other data sets than their own, where several are run.

    Errors: `CadaError` for a missing chapter.
    """
    body = render(
        "body.html.jinja",
        briefs=[_read(folder / "brief.html", dataset, workflow) for dataset, folder in chapters.items()],
        chapters=[_read(folder / "chapter.html", dataset, workflow) for dataset, folder in chapters.items()],
        variants=variants,
        seeds=seeds,
        parameters=parameters,
        transfer=fragment_of(transfer.read_text(encoding="utf-8")) if len(chapters) > 1 and transfer.is_file() else "",
        provenance=provenance,
    )
    headings = [(int(level), key, html.unescape(text)) for level, key, text in HEADING.findall(body)]
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    write_text(output, render("page.html.jinja", body=body, headings=headings, style=style, datasets=list(chapters)) + "\n")


def _read(path: Path, dataset: str, workflow: Path) -> str:
    if not path.is_file():
        raise CadaError(f"{path}: there is no such file. Make it with `cada chapter {dataset} --workflow {workflow}`.")
    return path.read_text(encoding="utf-8")
