"""A data set's chapter: a piece of HTML with its pictures in it, whose headings have ids that begin with the data set's name.

And what came out in brief, which stands at the beginning of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cada.config import Deviation
from cada.reporting.formats import Table, findings_of, fragment
from cada.reporting.html.choices import Choice
from cada.reporting.html.contents import Found
from cada.reporting.html.rendering import render
from cada.reporting.html.scores import Score
from cada.storage.files import write_text

ALWAYS = (
    "at least one phrase of a batch is hidden for ARA, whose loss is not a number in the paper's code where none is;",
    "of equal scores the earlier picture comes first, in all metrics; the paper's code has one order for R@K and another for mAP;",
    "only variants trained with ATP re-rank; in the paper's code all would.",
)
SPLITS = {"pretrain": "pre-training", "train": "training", "val": "val", "test": "test"}


@dataclass(frozen=True)
class About:
    """The data set, and where its models start. remark: what there is to know of its persons."""

    dataset: str
    title: str
    drawn: bool
    remark: str | None
    start: Literal["pretrain", "file"]
    manifest: Mapping[str, Any]


def write_chapter(
    about: About,
    *,
    scores: Sequence[Score],
    seeds: int,
    found: Sequence[Found],
    cost: Table,
    deviations: Sequence[Deviation],
    idle: Mapping[str, str],
    choices: Sequence[Choice],
    parameters: Mapping[str, str],
    folder: Path,
) -> None:
    """Write chapter.html and brief.html. found: tables and figures by topic. idle: why a switch changes nothing in this run.
    parameters: the text to show of each parameter file.
    """
    pairs = "".join(piece for item in found if item.topic.key == "pairs" for _, piece in item.tables)
    findings = [text for text in findings_of(pairs) if " points R@1" in text]
    write_text(folder / "brief.html", render("brief.html.jinja", about=about, scores=scores, seeds=seeds, findings=findings))
    text = render(
        "chapter.html.jinja",
        about=about,
        best=max(scores, key=lambda score: score.r1),
        splits=[(name, about.manifest["splits"][split]) for split, name in SPLITS.items() if split in about.manifest["splits"]],
        found=found,
        cost=fragment(cost),
        deviations=deviations,
        idle=idle,
        choices=choices,
        always=ALWAYS,
        parameters=parameters,
    )
    write_text(folder / "chapter.html", text)
