"""A table: its values, which become a CSV file, and what a reader sees of them, as Markdown, HTML, LaTeX, and as data for the report.

pandas' to_markdown pads every column and aligns one table alone, and its Styler puts no headings inside a LaTeX table and no notes below
one. So both are written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from cada.reporting.rendering import render
from cada.reporting.tables.cells import MINUS
from cada.storage.files import write_text

WIDE = 7  # columns that fit into one column of a page
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    MINUS: "$-$",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "[": "{[}",  # after \\ a bare bracket would be the line break's optional argument
}


_BREAKS = re.compile(r"\s*[\n\r\v\f\x85\u2028\u2029]\s*")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


@dataclass(frozen=True)
class Section:
    """Rows under a heading of their own."""

    heading: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Finding:
    """What the table says of a comparison, in a sentence, and whether it is established."""

    text: str
    established: bool


@dataclass(frozen=True)
class Table:
    """What a reader sees: cells are final text. The first `labels` columns are text, the others numbers.

    notes: how the table is to be read. repeated: what the report says in another place, and a file of one table must say itself.
    """

    title: str
    columns: tuple[str, ...]
    labels: int
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    repeated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), "a cell for every column"

    @property
    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of all sections."""
        return (row for section in self.sections for row in section.rows)

    @property
    def texts(self) -> list[str]:
        """All sentences below the table, in a file of its own."""
        return [*(finding.text for finding in self.findings), *self.repeated, *self.notes]


TABLE = TypeAdapter(Table)
Tabulated = tuple[pd.DataFrame, Table]  # the values, for the CSV file, and what a reader sees of them


def write_tables(tables: Mapping[str, Tabulated], folder: Path) -> None:
    """Write `folder`/<name>.{csv,html,json,md,tex} for each name with its values and its table."""
    for name, (values, table) in tables.items():
        for kind, text in {
            "csv": csv_text(values),
            "html": render("table_page.html.jinja", table=table) + "\n",
            "json": TABLE.dump_json(table, indent=1).decode() + "\n",
            "md": markdown(table),
            "tex": latex(table),
        }.items():
            write_text(folder / f"{name}.{kind}", text)


def csv_text(values: pd.DataFrame) -> str:
    """Comma-separated values with Unix line ends: numbers with a fraction to four decimals, yes and no as 1 and 0, empty where unknown."""
    return str(values.map(_csv_cell).to_csv(index=False, lineterminator="\n"))


def _csv_cell(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def markdown(table: Table) -> str:
    """Title, an aligned pipe table for each section, and a list of findings and notes; it reads well in a terminal too."""

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if place < table.labels else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    def escaped(row: Sequence[str]) -> list[str]:
        return [_plain(cell).replace("|", r"\|") for cell in row]

    widths = [max(map(len, column)) for column in zip(*map(escaped, (table.columns, *table.rows)), strict=True)]
    rule = [":" + "-" * (width - 1) if place < table.labels else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    lines = [f"# {_plain(table.title)}", ""]
    for section in table.sections:
        lines += [
            f"**{_plain(section.heading)}**",
            "",
            *(line(row) for row in (escaped(table.columns), rule, *map(escaped, section.rows))),
            "",
        ]
    return "\n".join([*lines, *(f"- {_plain(text)}" for text in table.texts)]) + "\n"


def _plain(text: str) -> str:
    """Text as Markdown shows it on one line: no tag of HTML is left in it."""
    return _TAG.sub("&lt;", _one_line(text))


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text)


def latex(table: Table) -> str:
    r"""A `table` environment, over both columns of a page where the table is wide; needs \usepackage{booktabs,graphicx}."""
    environment = "table*" if len(table.columns) > WIDE else "table"
    columns = "l" * table.labels + "r" * (len(table.columns) - table.labels)
    lines = [r"% \usepackage{booktabs,graphicx}", rf"\begin{{{environment}}}", r"\centering", rf"\caption{{{escape_tex(table.title)}}}"]
    lines += [r"\resizebox{\linewidth}{!}{%", rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _tex_row(table.columns)]
    for section in table.sections:
        lines += [r"\midrule", rf"\multicolumn{{{len(table.columns)}}}{{l}}{{\textit{{{escape_tex(section.heading)}}}}} \\"]
        lines += map(_tex_row, section.rows)
    lines += [r"\bottomrule", r"\end{tabular}}", "", r"\begin{minipage}{\linewidth}", r"\footnotesize"]
    lines += [rf"{escape_tex(text)}\par" for text in table.texts]
    return "\n".join([*lines, r"\end{minipage}", rf"\end{{{environment}}}"]) + "\n"


def escape_tex(text: str) -> str:
    """The text on one line, with every character that LaTeX reads as a command made literal."""
    return "".join(_TEX.get(character, character) for character in _one_line(text)).replace(r" \%", r"~\%")  # no line ends before a %


def _tex_row(row: Sequence[str]) -> str:
    return " & ".join(map(escape_tex, row)) + r" \\"
