"""A data set's chapter: a piece of HTML with its pictures in it, whose headings have ids that begin with the data set's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cada.files import write_text
from cada.report.contents import Found
from cada.report.deviations import Deviation
from cada.report.rendering import render
from cada.reporting.formats import Table, fragment

SPLITS = {"pretrain": "pre-training", "train": "training", "val": "val", "test": "test"}


@dataclass(frozen=True)
class About:
    """The data set, and where its models start."""

    dataset: str
    title: str
    drawn: bool
    start: Literal["pretrain", "file"]
    manifest: Mapping[str, Any]


def write_chapter(
    about: About,
    *,
    found: Sequence[Found],
    cost: Table,
    deviations: Sequence[Deviation],
    parameters: Sequence[Path],
    output: Path,
) -> None:
    """Write the chapter. found: tables and figures by topic. parameters: the files to show in full."""
    text = render(
        "chapter.html.jinja",
        about=about,
        splits=[(name, about.manifest["splits"][split]) for split, name in SPLITS.items() if split in about.manifest["splits"]],
        found=found,
        cost=fragment(cost),
        deviations=deviations,
        parameters=[(path, path.read_text(encoding="utf-8")) for path in parameters],
    )
    write_text(output, text)
