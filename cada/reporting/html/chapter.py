"""A data set's chapter as data: all that the report shows of the data set, and what the page's beginning says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from cada.config import Choice, Deviation
from cada.reporting.html.topics import ShownTopic
from cada.reporting.tables.table import Finding, Table
from cada.storage.files import write_text
from cada.storage.results import read_result
from cada.storage.tables import read_csv

FILE = "chapter.json"
ALWAYS = (
    "at least one phrase of a batch is masked for ARA; if none is, the loss is not a number in the paper's code;",
    "of equal scores the earlier image comes first, in all metrics; the paper's code has one order for R@K and another for mAP;",
    "only variants trained with ATP re-rank; in the paper's code all would.",
)
SPLITS = {"pretrain": "pre-training", "train": "training", "val": "val", "test": "test"}


@dataclass(frozen=True)
class AboutDataset:
    """The data set, and where its models start. remark: what a reader must know of its persons."""

    dataset: str
    title: str
    drawn: bool
    remark: str | None
    start: Literal["pretrain", "file"]
    manifest: Mapping[str, Any]

    @property
    def splits(self) -> list[tuple[str, Mapping[str, int]]]:
        """The splits that there are, by their printed names, with their counts."""
        counts = self.manifest["splits"]
        return [(name, counts[split]) for split, name in SPLITS.items() if split in counts]


@dataclass(frozen=True)
class JudgedScore:
    """A variant with its R@1 on the full test gallery, in percent, by the score that it is judged by."""

    variant: str
    title: str
    reranked: bool
    r1: float


@dataclass(frozen=True)
class Chapter:
    """findings: of the differences in R@1. idle: why a switch changes nothing in this run. parameters: the text to show of each file."""

    about: AboutDataset
    seeds: int
    scores: tuple[JudgedScore, ...]
    findings: tuple[Finding, ...]
    topics: tuple[ShownTopic, ...]
    cost: Table
    deviations: tuple[Deviation, ...]
    idle: Mapping[str, str]
    choices: tuple[Choice, ...]
    parameters: Mapping[str, str]

    @property
    def best(self) -> JudgedScore:
        """The score of the variant with the highest R@1."""
        return max(self.scores, key=lambda score: score.r1)

    @property
    def sections(self) -> dict[str, str]:
        """The titles of the chapter's sections by their keys, in order."""
        return {
            "data": "The data",
            **{topic.key: topic.title for topic in self.topics},
            "cost": "What it costs",
            "deviations": "Where this run differs from the paper's code",
            "parameters": "All parameters",
        }


CHAPTER = TypeAdapter(Chapter)


def write_chapter(chapter: Chapter, folder: Path) -> None:
    """Write `folder`/chapter.json."""
    write_text(folder / FILE, CHAPTER.dump_json(chapter, indent=1).decode() + "\n")


def read_chapter(folder: Path, *, command: str) -> Chapter:
    """The chapter in `folder`, which `command` writes. Errors: `CadaError` for a file that is missing or holds no chapter."""
    return read_result(folder / FILE, Chapter, command=command)


def judged_scores(ablation: Path) -> tuple[JudgedScore, ...]:
    """The scores in the CSV file of the ablation that the variants are judged by, in its order."""
    columns = ("variant", "title", "score", "gallery", "headline", "R1_mean")
    table = read_csv(ablation, columns, again="Make it with `cada tables`.", keep_default_na=False, dtype=str)
    rows = table[(table["gallery"] == "all") & (table["headline"] == "1")].to_dict("records")
    return tuple(JudgedScore(row["variant"], row["title"], row["score"] != "cosine", float(row["R1_mean"])) for row in rows)
